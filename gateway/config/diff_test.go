package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// loaded is the configuration of a file's text.
func loaded(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load([]string{"--config", writeFile(t, text)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every knob that differs is told, at the top level or for the route it counts in, and nothing else is.
func TestDiffTellsOfEachKnob(t *testing.T) {
	base := Default()
	base.Upstream = []string{"ws://127.0.0.1:1"}
	base = base.With(func(*Config) {})
	for i := range knobs {
		k := &knobs[i]
		if k.name == "config" {
			continue
		}
		value, err := k.parse(samples[k.name])
		if err != nil {
			t.Fatal(err)
		}
		d := base.Diff(base.With(func(c *Config) { k.of(c).Set(reflect.ValueOf(value)) }))
		got := d.Changed
		if k.route {
			if len(d.RoutesChanged) != 1 || d.Changed != nil {
				t.Errorf("%s: %+v", k.name, d)
				continue
			}
			got = d.RoutesChanged[0].Knobs
		}
		if !slices.Equal(got, []string{k.name}) || slices.Contains(d.Restart, k.name) != k.restart {
			t.Errorf("%s: %+v", k.name, d)
		}
		if back := base.Diff(base.With(func(*Config) {})); !back.Empty() {
			t.Errorf("%s: %+v of the same", k.name, back)
		}
	}
}

func TestDiffOfRoutes(t *testing.T) {
	before := loaded(t, `
listen: [":1", ":2"]
routes:
  - name: chat
    match: {path: /chat}
    upstream: ws://10.0.0.1:1,ws://10.0.0.2:1
  - match: {path: /unnamed}
    upstream: ws://10.0.0.3:1
  - name: old
    match: {path: /old}
    upstream: ws://10.0.0.4:1
`)
	after := loaded(t, `
listen: [":2", ":3"]
routes:
  - match: {path: /unnamed}
    upstream: ws://10.0.0.3:1
    idle-timeout: 7s
  - name: chat
    match: {path: /talk}
    upstream: ws://10.0.0.1:1,ws://10.0.0.5:1
  - name: new
    match: {path: /new}
    upstream: ws://10.0.0.3:1
`)
	d := before.Diff(after)
	want := Difference{
		RoutesAdded: []string{"new"}, RoutesRemoved: []string{"old"}, RoutesMoved: true,
		RoutesChanged:   []RouteChange{{"route-1", []string{"idle-timeout"}}, {"chat", []string{"match: path", "upstream"}}},
		BackendsAdded:   []string{"ws://10.0.0.5:1"},
		BackendsRemoved: []string{"ws://10.0.0.2:1", "ws://10.0.0.4:1"},
		ListenersAdded:  []string{":3"}, ListenersRemoved: []string{":1"}, Changed: []string{"listen"},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("%+v\nwant %+v", d, want)
	}
	text := strings.Join(d.Lines(), "\n")
	for _, line := range []string{"listeners added: :3", "routes removed: old", "route chat changed: match: path, upstream", "the routes are tried in another order"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q lacks %q", text, line)
		}
	}
	same := after.Diff(after)
	if !same.Empty() || same.Lines() != nil {
		t.Errorf("%+v of the same", same)
	}
}

func TestDiffOfSites(t *testing.T) {
	before := loaded(t, "upstream: ws://10.0.0.1:1\ntls-listen: :9\ntls-cert: a\ntls-key: b\ntls-client-ca: c\nsites: [{server-name: a.example, client-auth: ask}]")
	after := loaded(t, "upstream: ws://10.0.0.1:1\ntls-listen: :9\ntls-cert: a\ntls-key: b\ntls-client-ca: c\nsites: [{server-name: a.example, client-auth: require}]")
	if d := before.Diff(after); !slices.Equal(d.Changed, []string{"sites"}) {
		t.Errorf("%+v", d)
	}
}
