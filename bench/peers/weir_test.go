//go:build linux

package peers

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"net/netip"
	"runtime"
	"strings"
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

func TestFetchOfTooMuch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(bytes.Repeat([]byte("a 1\n"), maxAnswer/4+1))
	}))
	defer server.Close()
	_, err := Fetch(t.Context(), netip.MustParseAddrPort(server.Listener.Addr().String()), "/metrics")
	if err == nil || !strings.Contains(err.Error(), "more than 4194304 bytes") {
		t.Errorf("the error is %v", err)
	}
}
