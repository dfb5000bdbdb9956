package gateway_test

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestDescriptorsRunOut takes all descriptors of the process away. The session that stands goes on, those who come
// wait in the backlog or hear 503, nothing spins, and all is well once there are descriptors again.
// It is not parallel, as it would starve the others.
func TestDescriptorsRunOut(t *testing.T) {
	b := listen(t)
	var text logs
	g := startLogging(t, &text, nil, b.url())
	client, server := session(t, g, b)
	first, second := unconnected(t), unconnected(t)
	hoard := newHoard(t)
	defer hoard.free()

	first.join(t, g) // by the kernel; the gateway cannot accept it
	second.join(t, g)
	spent := cpuTime(t)
	for range 20 {
		time.Sleep(20 * time.Millisecond)
		client.send(ws.OpText, "there")
		server.want(ws.OpText, "there")
		server.send(ws.OpText, "back")
		client.want(ws.OpText, "back")
	}
	if spent = cpuTime(t) - spent; spent > 200*time.Millisecond {
		t.Errorf("%v of CPU time in 400 ms of waiting", spent)
	}
	hoard.giveBack(1) // enough to accept one, not to connect to a backend
	if got := first.read(t); got != "HTTP/1.1 503" {
		t.Errorf("with no descriptor for the backend: %q", got)
	}
	hoard.free()
	server2 := b.accept()
	server2.upgrade()
	if got := second.read(t); got != "HTTP/1.1 101" {
		t.Errorf("after the recovery: %q", got)
	}
	if n := metric(t, g, "weir_accept_pauses_total"); n < 1 || n > 20 {
		t.Errorf("accepting paused %v times", n)
	}
	wantLine(t, &text, `level=WARN msg="accepting pauses, clients wait: raise the limit of open files, or lower max-connections" error="too many open files"`)
	if n := strings.Count(text.String(), "accepting pauses"); n != 1 {
		t.Errorf("told %d times", n)
	}
	if n := metric(t, g, `weir_sessions_refused_total{reason="no_descriptors"}`); n != 1 {
		t.Errorf("%v refused for want of descriptors", n)
	}
	session(t, g, b)
}

// TestChecksWithoutDescriptors: a check that has no socket says nothing of the backend. Not parallel, as it starves others.
func TestChecksWithoutDescriptors(t *testing.T) {
	backend := echo(t)
	g := start(t, func(cfg *config.Config) {
		cfg.HealthInterval, cfg.HealthTimeout, cfg.HealthFall = 5*time.Millisecond, patience, 1
	}, backend)
	label := `{endpoint="` + backend + `",route="default"}`
	wantMetric(t, g, "weir_endpoint_healthy"+label, 1)
	hoard := newHoard(t)
	time.Sleep(200 * time.Millisecond) // nothing tells that a check could not be made
	hoard.free()
	done := metric(t, g, "weir_endpoint_checks_total"+label)
	if !eventually(func() bool { return metric(t, g, "weir_endpoint_checks_total"+label) > done+2 }) {
		t.Error("checks do not go on")
	}
	if n := metric(t, g, "weir_endpoint_check_failures_total"+label); n != 0 || metric(t, g, "weir_endpoint_transitions_total"+label) != 0 {
		t.Errorf("%v checks failed", n)
	}
}

// bare is a client's socket made while there were descriptors.
type bare int

func unconnected(t *testing.T) bare {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: int64(patience / time.Second)}); err != nil {
		t.Fatal(err)
	}
	return bare(fd)
}

// join connects and sends a handshake.
func (fd bare) join(t *testing.T, g *rig) {
	t.Helper()
	to := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: g.Addrs()[0].(*net.TCPAddr).Port}
	err := syscall.Connect(int(fd), to)
	if err == nil {
		_, err = syscall.Write(int(fd), []byte(handshake("/")))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// read returns the start of the answer.
func (fd bare) read(t *testing.T) string {
	t.Helper()
	answer := make([]byte, len("HTTP/1.1 101"))
	if _, err := syscall.Read(int(fd), answer); err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// hoard holds every descriptor that the process may still open.
type hoard struct {
	files []int
	limit syscall.Rlimit
}

func newHoard(t *testing.T) *hoard {
	t.Helper()
	h := new(hoard)
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &h.limit); err != nil {
		t.Fatal(err)
	}
	low := h.limit
	low.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return h
		}
		h.files = append(h.files, fd)
	}
}

// giveBack frees n of them.
func (h *hoard) giveBack(n int) {
	for _, fd := range h.files[:n] {
		_ = syscall.Close(fd)
	}
	h.files = h.files[n:]
}

func (h *hoard) free() {
	h.giveBack(len(h.files))
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &h.limit)
}

// cpuTime is what the process has used so far.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
