//go:build linux

package epolltest

import (
	"context"
	"net/netip"
	"sync"
	"testing"

	"weir/bench/epoll"
)

// Run turns a server, as its maker returned it, until the test ends or stop is called, which closes all of its
// connections. An error fails the test.
func Run(t testing.TB, server *epoll.Server, err error) (addr netip.AddrPort, stop func()) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return server.Addr, stop
}
