package interop

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

var kills = []struct {
	name   string
	kill   func(*net.TCPConn)
	reason string // as the metric tells it
}{{"FIN", fin, "backend_gone"}, {"RST", reset, "backend_lost"}}

// A frame that breaks off reaches the client as far as it came, and no close frame is put inside it.
func TestBackendKilledInsideFrame(t *testing.T) {
	for _, k := range kills {
		t.Run(k.name, func(t *testing.T) {
			b := startRaw(t, "127.0.0.1:0")
			f := tunnels(t, b.url())
			client, backend := openRaw(t, f, b)
			whole := ws.MustCompileFrame(ws.NewBinaryFrame(bytes.Repeat([]byte("w"), 1000)))
			part := whole[:400]
			if _, err := backend.Write(part); err != nil {
				t.Fatal(err)
			}
			if k.name == "FIN" { // it follows the bytes; a reset could overtake them
				k.kill(backend)
			}
			got := make([]byte, len(part))
			if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, part) {
				t.Fatalf("the part of a frame arrived as %x, %v", got, err)
			}
			k.kill(backend)
			if more := rest(t, client); len(more) > 0 {
				t.Errorf("behind a part of a frame came %x", more)
			}
			_ = client.Close()
			awaitMetric(t, f, 1, "weir_sessions_closed_total", k.reason)
		})
	}
}

// Between two frames the client can be told: 1011.
func TestBackendKilledBetweenFrames(t *testing.T) {
	for _, k := range kills {
		for _, sent := range []string{"", "hello"} {
			t.Run(k.name+" after "+sent, func(t *testing.T) {
				b := startRaw(t, "127.0.0.1:0")
				f := tunnels(t, b.url())
				client, backend := openRaw(t, f, b)
				if sent != "" {
					if err := ws.WriteFrame(backend, ws.NewTextFrame([]byte(sent))); err != nil {
						t.Fatal(err)
					}
					if got, err := ws.ReadFrame(client); err != nil || string(got.Payload) != sent {
						t.Fatalf("got %q, %v", got.Payload, err)
					}
				}
				k.kill(backend)
				expectClose(t, client, 1011)
				if more := rest(t, client); len(more) > 0 {
					t.Errorf("behind the close frame came %x", more)
				}
				_ = client.Close()
				awaitMetric(t, f, 1, "weir_sessions_closed_total", k.reason, "1011")
			})
		}
	}
}

// awaitMetric polls, as a counter has no event to await.
func awaitMetric(t testing.TB, f *Front, want float64, name string, labels ...string) {
	t.Helper()
	got := 0.0
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if got = f.metric(t, name, labels...); got == want {
			return
		}
	}
	t.Fatalf("metric %s %v is %v, want %v", name, labels, got, want)
}

func refusedWith(t testing.TB, f *Front, status int) (took time.Duration) {
	t.Helper()
	began := time.Now()
	_, err := dialRaw(f.Addr, patience)
	if got := ws.StatusError(0); !errors.As(err, &got) || int(got) != status {
		t.Errorf("answer to the handshake: %v, want status %d", err, status)
	}
	return time.Since(began)
}

func TestBackendRefusesConnections(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.close()
	f := tunnels(t, b.url())
	if took := refusedWith(t, f, 502); took > config.Default().ConnectTimeout {
		t.Errorf("it took %v to tell", took)
	}
}

// A backend that accepts and says nothing is given up at its deadline.
func TestBackendSilent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	const limit = 300 * time.Millisecond
	f := tuned(t, func(c *config.Config) { c.BackendTimeout = limit }, "ws://"+ln.Addr().String())
	if took := refusedWith(t, f, 504); took < limit || took > limit+5*time.Second {
		t.Errorf("it took %v to tell, the timeout is %v", took, limit)
	}
}

// A backend that answers a byte at a time is slow, not wrong.
func TestBackendDribbles(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f := tunnels(t, "ws://"+ln.Addr().String())
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		d := dribble{c}
		if _, err := ws.Upgrade(d); err == nil {
			_ = ws.WriteFrame(d, ws.NewTextFrame(bytes.Repeat([]byte("s"), 200)))
			_ = ws.WriteFrame(d, ws.NewCloseFrame(ws.NewCloseFrameBody(4000, "slow")))
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	client := mustDial(t, f)
	if got, err := ws.ReadFrame(client); err != nil || string(got.Payload) != string(bytes.Repeat([]byte("s"), 200)) {
		t.Fatalf("got %q, %v", got.Payload, err)
	}
	expectClose(t, client, 4000)
}

// dribble writes a byte at a time, each in a segment of its own.
type dribble struct{ net.Conn }

func (d dribble) Write(b []byte) (int, error) {
	for i := range b {
		if n, err := d.Conn.Write(b[i : i+1]); err != nil {
			return i + n, err
		}
	}
	return len(b), nil
}

// While a backend does not read, no more than the high-water mark waits for it, and nothing is lost.
func TestBackendSlow(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	f := tunnels(t, b.url())
	client, backend := openRaw(t, f, b)
	payload := make([]byte, 16<<20)
	_, _ = rand.Read(payload)
	frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame(payload)))
	sent := make(chan error, 1)
	go func() {
		_, err := client.Write(frame)
		sent <- err
	}()
	limit := float64(config.Default().HighWater)
	for looks := 0; looks < 20; {
		queued := f.metric(t, "weir_buffered_bytes")
		if queued > limit {
			t.Fatalf("%v bytes are queued, the high-water mark is %v", queued, limit)
		}
		if queued > 0 {
			looks++
		}
	}
	select {
	case err := <-sent:
		t.Fatalf("the client could send all of it: %v", err)
	default:
	}
	got := make([]byte, len(frame))
	if _, err := io.ReadFull(backend, got); err != nil || !bytes.Equal(got, frame) {
		t.Errorf("the message did not arrive as it was sent: %v", err)
	}
	if err := await(t, sent, "the client's write"); err != nil {
		t.Error(err)
	}
}

// With two backends no client notices that one is stopped and started again.
func TestBackendRestarts(t *testing.T) {
	a, b := startRaw(t, "127.0.0.1:0"), startRaw(t, "127.0.0.1:0")
	f := tuned(t, func(c *config.Config) {
		c.HealthInterval, c.HealthRise, c.HealthFall = 100*time.Millisecond, 1, 2
		c.BalanceFactor = 0 // all clients are from one address, so all prefer one backend
	}, a.url(), b.url())
	visit := func() (at *rawBackend) {
		t.Helper()
		c := mustDial(t, f)
		defer c.Close()
		var backend *net.TCPConn
		select {
		case backend = <-a.conns:
			at = a
		case backend = <-b.conns:
			at = b
		case <-time.After(patience):
			t.Fatal("no backend got the client")
		}
		go echoFrames(backend)
		c.roundTrip(t, "hello")
		return at
	}
	first := visit()
	if first == b {
		a, b = b, a
	}
	a.close()
	for range 20 {
		if visit() != b {
			t.Fatal("a backend that is down served a client")
		}
	}
	a = startRaw(t, a.ln.Addr().String())
	for deadline := time.Now().Add(patience); visit() != a; {
		if time.Now().After(deadline) {
			t.Fatal("a backend that came back is not used")
		}
	}
}
