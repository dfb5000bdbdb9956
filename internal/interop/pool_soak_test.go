package interop

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/upstream/accept"
)

// TestPoolSoak mixes traffic and faults on shared connections. It runs for a second, or for as long as -soak says.
func TestPoolSoak(t *testing.T) {
	const workers = 16
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go serveSoak(l)
	f := poolsTuned(t, func(c *config.Config) {
		c.Loops, c.CloseTimeout, c.PingInterval, c.PongTimeout = 2, time.Second, 100*time.Millisecond, 10*time.Second
		c.PoolMaxStreams = 5
	}, "ws://"+l.Addr().String())
	end := time.Now().Add(max(*soakTime, time.Second))
	var running sync.WaitGroup
	var total atomic.Int64
	for i := range workers {
		running.Go(func() {
			s := &soaker{rand.New(rand.NewPCG(uint64(i), 17)), rand.NewChaCha8([32]byte{byte(i)}), f, 0}
			for ; time.Now().Before(end); s.sessions++ {
				if err := s.session(); err != nil {
					t.Error(fmt.Errorf("worker %d, session %d: %w", i, s.sessions, err))
					return
				}
			}
			total.Add(int64(s.sessions))
		})
	}
	running.Wait()
	for _, gauge := range []string{"weir_client_connections", "weir_buffered_bytes", "weir_endpoint_sessions", "weir_pool_streams"} {
		awaitMetric(t, f, 0, gauge)
	}
	if n := f.metric(t, "weir_pool_connections_lost_total"); n != 0 {
		t.Errorf("%v connections broke", n)
	}
	if n := f.metric(t, "weir_pool_faults_total"); n != 0 {
		t.Errorf("the gateway blames a backend that does no wrong %v times", n)
	}
	t.Logf("%d sessions", total.Load())
}

// serveSoak echoes, and ends one session in eight in some other way.
func serveSoak(l net.Listener) {
	for n := uint64(0); ; n++ {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		c, r := conn.(*accept.Conn), rand.New(rand.NewPCG(n, 19))
		go func() {
			defer c.Close()
			switch r.IntN(24) {
			case 0: // inside a frame
				_, _ = c.Write([]byte{0x82, 126, 1, 0, 'x'})
			case 1:
				_, _ = ws.ReadFrame(c)
			case 2: // half of it
				_, _ = ws.ReadFrame(c)
				_ = c.CloseWrite()
				_, _ = io.Copy(io.Discard, c)
			default:
				echoFrames(c)
			}
		}()
	}
}
