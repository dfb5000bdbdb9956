package interop

import (
	"net"
	"syscall"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/internal/freeport"
)

// blackHole is an address where the kernel drops every SYN: its queue of connections is full.
func blackHole(t testing.TB) (addr string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { _ = syscall.Close(fd) })
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bound.(*syscall.SockaddrInet4).Port}).String()
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the kernel completes connections beyond the backlog")
	return ""
}

func TestBackendBlackHoled(t *testing.T) {
	const limit = 300 * time.Millisecond
	f := tuned(t, func(c *config.Config) { c.ConnectTimeout = limit }, "ws://"+blackHole(t))
	if took := refusedWith(t, f, 504); took < limit || took > limit+5*time.Second {
		t.Errorf("it took %v to tell, the timeout is %v", took, limit)
	}
}

// Where one backend cannot be connected to the next one serves, with no health check to tell beforehand.
func TestBackendsNotConnectable(t *testing.T) {
	closed := freeport.Addr(t)
	for _, c := range []struct{ name, addr string }{{"closed port", closed}, {"black hole", blackHole(t)}} {
		t.Run(c.name, func(t *testing.T) {
			b := startRaw(t, "127.0.0.1:0")
			b.echo(t)
			f := tuned(t, func(cfg *config.Config) {
				cfg.HashOn, cfg.ConnectTimeout = config.HashOn{By: config.HashRandom}, 100*time.Millisecond
			}, "ws://"+c.addr, b.url())
			for range 30 { // each prefers the bad one with a chance of a half, until it is taken out
				client := mustDial(t, f)
				client.roundTrip(t, "hello")
				_ = client.Close()
			}
			if n := f.metric(t, "weir_endpoint_connect_failures_total", c.addr); n < 1 || n > 3 {
				t.Errorf("%v connects to it failed, want 1 to 3: then it is unhealthy", n)
			}
		})
	}
}
