package observe

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// written maps the fields of a line to whether they are left out where nothing is known.
func written(event string) map[string]bool {
	fields := map[string]bool{}
	full := Line{Event: event, Client: netip.MustParseAddrPort("192.0.2.1:1"), Route: "r", Method: "GET", Endpoint: "e", Host: "h", Path: "/", User: "u",
		Agent: "a", Trace: "t", RequestID: "i", Origin: "o", Status: 1, Reason: "r", Detail: "d", Code: 1, Rtt: 1, Up: 1, Down: 1, Lasted: time.Second}
	if event == "close" || event == "move" {
		full.Agent, full.Trace, full.RequestID = "", "", "" // told at open
	}
	for _, a := range full.LogValue().Group() {
		fields[a.Key] = true
	}
	for _, a := range (&Line{Event: event}).LogValue().Group() {
		fields[a.Key] = false
	}
	return fields
}

func TestManualHasEveryLogField(t *testing.T) {
	for _, l := range logTable {
		if l.line == "admin call" {
			continue // package admin writes it; not compared here
		}
		told := map[string]bool{}
		for _, f := range l.fields {
			told[f.name] = f.optional
		}
		if want := written(l.line); !maps.Equal(told, want) {
			t.Errorf("%s: the manual has %v, the log %v", l.line, slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(want)))
			for name, optional := range want {
				if o, ok := told[name]; !ok || o != optional {
					t.Errorf("  %s: optional: %v", name, optional)
				}
			}
		}
	}
}
