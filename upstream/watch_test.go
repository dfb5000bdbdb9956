package upstream_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/upstream"
	"weir/upstream/health"
)

const soon = 20 * time.Second // far more than any test needs

type change struct {
	e       *upstream.Endpoint
	healthy bool
	reason  string
}

// watched is a started group with quick checks, and the changes it tells of.
func watched(t *testing.T, path string, timeout time.Duration, backend string) (*upstream.Group, <-chan change) {
	t.Helper()
	changes := make(chan change, 100)
	g := group(t, upstream.Options{
		Health: health.Options{Path: path, Interval: 5 * time.Millisecond, Timeout: timeout},
		OnChange: func(e *upstream.Endpoint, healthy bool, reason string) {
			changes <- change{e, healthy, reason}
		},
	}, backend)
	g.Start()
	return g, changes
}

func await(t *testing.T, changes <-chan change, healthy bool, reason string) {
	t.Helper()
	select {
	case c := <-changes:
		if c.healthy != healthy || c.e.Healthy() != healthy || !strings.Contains(c.reason, reason) {
			t.Fatalf("changed to healthy=%v because of %q, want %v, %q", c.healthy, c.reason, healthy, reason)
		}
	case <-time.After(soon):
		t.Fatalf("no change to healthy=%v", healthy)
	}
}

func TestChecksFollowTheAnswer(t *testing.T) {
	var status atomic.Int64
	status.Store(200)
	var host atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host + r.URL.Path)
		w.WriteHeader(int(status.Load()))
	}))
	defer server.Close()
	g, changes := watched(t, "/ready", soon, server.URL)
	status.Store(500)
	await(t, changes, false, "status 500")
	if healthy(g) != 0 || pick(g, 1, nil) != nil {
		t.Error("it is still used")
	}
	status.Store(302)
	await(t, changes, true, "check passed")
	if want := strings.TrimPrefix(server.URL, "http://") + "/ready"; host.Load() != want {
		t.Errorf("asked %v, want %s", host.Load(), want)
	}
	if s := g.Endpoints()[0].Stats(); s.Transitions != 2 || s.CheckFailures < 3 || s.Checks < s.CheckFailures+2 {
		t.Errorf("%+v", s)
	}
}

func TestBackendStopsAndStartsAgain(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	addr := l.Addr().String()
	_, changes := watched(t, "", soon, "ws://"+addr)
	l.Close()
	await(t, changes, false, "refused")
	defer listen(t, addr).Close()
	await(t, changes, true, "check passed")
}

// The kernel accepts for it, so only the GET tells that the backend is stuck.
func TestSilentBackend(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	g, changes := watched(t, "/", 50*time.Millisecond, "ws://"+l.Addr().String())
	await(t, changes, false, "no answer in time")
	if state, reason, since := g.Endpoints()[0].State(); state != upstream.Unhealthy || reason == "" || since.IsZero() {
		t.Errorf("%s, %q, %v", state, reason, since)
	}
}

func TestChecksEndFailedConnects(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	g, changes := watched(t, "", soon, "ws://"+l.Addr().String())
	fell(g.Endpoints()[0])
	await(t, changes, false, "connect: refused")
	await(t, changes, true, "check passed")
}

func TestCloseEndsRunningChecks(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	g := group(t, upstream.Options{
		Health: health.Options{Path: "/", Interval: time.Hour, Timeout: time.Hour},
	}, "ws://"+l.Addr().String())
	g.Start()
	conn, err := l.Accept() // the check is under way
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	closed := make(chan struct{})
	go func() { g.Close(); g.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(soon):
		t.Fatal("Close waits for a check")
	}
	if s := g.Endpoints()[0].Stats(); s.Checks != 0 {
		t.Error("a check called off was counted")
	}
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
