//go:build linux

package load_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"weir/bench/load"
)

// serveHTTP is a target whose requests a handler answers.
func serveHTTP(t *testing.T, answer http.HandlerFunc) load.Target {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	target, err := load.ParseTarget(server.URL + "/path?q")
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// Every client keeps its one connection, has one request at a time, and reads each answer to its end.
func TestRequests(t *testing.T) {
	var asked, connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.String() != "/path?q" || r.Host == "" {
			t.Errorf("asked for %s %s of host %q", r.Method, r.URL, r.Host)
		}
		asked.Add(1)
		w.Header().Set("Content-Length", "100000") // longer than one read
		io.WriteString(w, strings.Repeat("x", 100000))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	target, err := load.ParseTarget(server.URL + "/path?q")
	if err != nil {
		t.Fatal(err)
	}
	r, err := load.Request(t.Context(), load.Requests{Target: target, Conns: 5, Window: short})
	if err != nil || r.Err() != nil || r.Ops < 5 || r.Latency.TotalCount() != r.Ops {
		t.Fatalf("%d answers, %d latencies, %v, %v", r.Ops, r.Latency.TotalCount(), err, r.Err())
	}
	if asked.Load() < r.Ops || connections.Load() != 5 {
		t.Errorf("%d requests on %d connections, %d answers", asked.Load(), connections.Load(), r.Ops)
	}
}

func TestRequestsToTheEchoBackend(t *testing.T) {
	target, _ := backend(t)
	target.Path = "/request"
	for name, target := range map[string]load.Target{"clear": target, "TLS": secured(t, target, 100, nil)} {
		r, err := load.Request(t.Context(), load.Requests{Target: target, Conns: 4, Window: short})
		if err != nil || r.Err() != nil || r.Ops < 4 {
			t.Errorf("%s: %d answers, %v, %v", name, r.Ops, err, r.Err())
		}
	}
}

// An answer that is not what was asked for is a fault, with what was wrong in words.
func TestRequestsAnsweredWrongly(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		fault  load.Fault
		words  string
	}{
		"a refusal":        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1\r\n\r\nx", load.FaultAnswer, "503 Service Unavailable"},
		"no length":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", load.FaultAnswer, "Content-Length"},
		"too much":         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", load.FaultAnswer, "more bytes"},
		"an end after one": {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", load.FaultClosed, ""}, // an end or a reset, as the kernel has it,
		"an end within":    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", load.FaultUpgrade, "closed by the other side"},
	} {
		target := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, tc.answer)
			if !strings.HasPrefix(name, "an end") {
				io.Copy(io.Discard, conn)
			}
		})
		r, err := load.Request(t.Context(), load.Requests{Target: target, Conns: 1, Window: short})
		if err == nil {
			err = r.Err()
		}
		if r.Faults[tc.fault] != 1 || !strings.Contains(r.First, tc.words) {
			t.Errorf("%s: %v, %v (%s); want %q and %q", name, err, r.Faults, r.First, tc.fault, tc.words)
		}
	}
}

// A server that never answers is a fault of each client, soon after the window.
func TestRequestsWithoutAnAnswer(t *testing.T) {
	target := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r, err := load.Request(t.Context(), load.Requests{Target: target, Conns: 3, Window: short})
	if err != nil || r.Ops != 0 || r.Faults[load.FaultTimeout] != 3 {
		t.Errorf("%d answers, %v, %v; want three that timed out", r.Ops, err, r.Faults)
	}
}
