//go:build linux

package peers

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"net/netip"
	"runtime"
	"testing"
)

func TestSettle(t *testing.T) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		works   bool
	}{
		"a Go program": {pprof.Index, true},
		"another":      {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, false},
		"refusal":      {http.NotFound, false},
	} {
		server := httptest.NewServer(tc.handler)
		n, err := settleGo(t.Context(), Place{Admin: netip.MustParseAddrPort(server.Listener.Addr().String())})
		if (err == nil) != tc.works || (n > 0) != tc.works {
			t.Errorf("%s: %d goroutines, %v", name, n, err)
		}
		server.Close()
	}
	before := stats.NumForcedGC
	if runtime.ReadMemStats(&stats); stats.NumForcedGC == before {
		t.Error("no garbage was collected")
	}
}
