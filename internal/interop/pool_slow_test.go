package interop

import (
	"bytes"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/upstream/accept"
)

// On one connection: a client and a backend that do not read hold up nobody, cost no more than a window and a
// watermark, and lose nothing.
func TestPoolSlowPeers(t *testing.T) {
	t.Parallel()
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f := pools(t, "ws://"+l.Addr().String())
	open := func() (rawClient, *accept.Conn) {
		c := mustDialLater(t, f)
		backend, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = backend.Close() })
		_ = backend.(*accept.Conn).Respond(nil)
		return await(t, c, "the answer"), backend.(*accept.Conn)
	}
	slowClient, sender := open()
	client, slowBackend := open()
	lively, echo := open()
	go echoFrames(echo)

	payload := make([]byte, 16<<20)
	_, _ = rand.Read(payload)
	down, up := ws.MustCompileFrame(ws.NewBinaryFrame(payload)), ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame(payload)))
	sent := make(chan error, 2)
	go func() { _, err := sender.Write(down); sent <- err }()
	go func() { _, err := client.Write(up); sent <- err }()
	limit := float64(2 * (config.Default().HighWater + config.Default().ReadBuffer))
	for began, n := time.Now(), 0; n < 200 || time.Since(began) < 300*time.Millisecond; n++ {
		lively.roundTrip(t, "hello")
		if n%20 == 0 {
			if queued := f.metric(t, "weir_buffered_bytes"); queued > limit {
				t.Fatalf("%v bytes are queued, the bound is %v", queued, limit)
			}
		}
	}
	select {
	case err := <-sent:
		t.Fatalf("all of it could be sent: %v", err)
	default:
	}
	for _, way := range []struct {
		to   io.Reader
		want []byte
	}{{slowClient, down}, {slowBackend, up}} {
		got := make([]byte, len(way.want))
		if _, err := io.ReadFull(way.to, got); err != nil || !bytes.Equal(got, way.want) {
			t.Errorf("the message did not arrive as it was sent: %v", err)
		}
		if err := await(t, sent, "the writer"); err != nil {
			t.Error(err)
		}
	}
	if n := f.metric(t, "weir_pool_connections"); n != 1 {
		t.Errorf("%v connections, want 1", n)
	}
}

// mustDialLater connects while the test takes the backend's part.
func mustDialLater(t testing.TB, f *Front) <-chan rawClient {
	done := make(chan rawClient, 1)
	go func() {
		c, err := dialRaw(f.Addr, patience)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = c.Close() })
		done <- c
	}()
	return done
}
