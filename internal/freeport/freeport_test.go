package freeport_test

import (
	"net"
	"sync"
	"testing"

	"weir/internal/freeport"
)

// TestAddr: many at once get an address each, which can be listened on.
func TestAddr(t *testing.T) {
	var all sync.Map
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 50 {
				addr := freeport.Addr(t)
				if _, twice := all.LoadOrStore(addr, true); twice {
					t.Errorf("%s was given twice", addr)
				}
				ln, err := net.Listen("tcp", addr)
				if err != nil {
					t.Error(err)
					continue
				}
				_ = ln.Close()
			}
		})
	}
	done.Wait()
}
