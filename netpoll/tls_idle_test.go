//go:build !race

package netpoll_test

import (
	"crypto/tls"
	"io"
	"runtime"
	"testing"

	"weir/netpoll"
)

// idleLimit is what an idle secured connection may keep on the heap, of which the test's own socket is some 800. The rest
// is crypto/tls's state, mostly that of the two ciphers.
const idleLimit = 4400

// An idle connection owns no buffer, whatever it did before: nothing, or large messages.
func TestTLSIdleMemory(t *testing.T) {
	for name, size := range map[string]int{"after the handshake": 1, "after 16 KiB": 16 << 10} {
		t.Run(name, func(t *testing.T) {
			l := start(t, netpoll.Options{ReadBuffer: 64 << 10})
			conf, client := security(t)
			clients := 500
			addr := secured(t, l, conf, func() netpoll.Handler { return echoer{} })
			open := func() io.Closer {
				raw := dial(t, addr)
				peer := tls.Client(raw, client)
				msg := make([]byte, size)
				if _, err := peer.Write(msg); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(peer, msg); err != nil {
					t.Fatal(err)
				}
				return raw // the client's own memory goes, its socket stays
			}
			first := open()
			before := heap()
			keep := make([]io.Closer, clients)
			for i := range keep {
				keep[i] = open()
			}
			per := (int(heap()) - int(before)) / clients
			t.Logf("%d bytes for each idle connection", per)
			if per > idleLimit {
				t.Errorf("%d bytes for each idle connection, want at most %d", per, idleLimit)
			}
			runtime.KeepAlive(keep)
			_ = first
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	for range 3 { // sync.Pool lets go in two steps
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// echoer has no state.
type echoer struct{}

func (echoer) OnConnect(*netpoll.Conn)          {}
func (echoer) OnData(c *netpoll.Conn, b []byte) { c.Write(b) }
func (echoer) OnDrained(*netpoll.Conn)          {}
func (echoer) OnEOF(c *netpoll.Conn)            { c.Close() }
func (echoer) OnClose(*netpoll.Conn, error)     {}
