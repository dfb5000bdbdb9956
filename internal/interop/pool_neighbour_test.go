package interop

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// endings are all the ways in which a session on a pooled connection comes to its end. Each leaves the client open or not.
var endings = []struct {
	name string
	end  func(t *testing.T, f *Front, c rawClient)
}{
	{"client closes, then TCP", func(t *testing.T, _ *Front, c rawClient) { c.closes(t); expectClose(t, c, 1000); fin(c.TCPConn) }},
	{"client closes and stays", func(t *testing.T, _ *Front, c rawClient) { c.closes(t); expectClose(t, c, 1000) }},
	{"client closes and is gone", func(t *testing.T, _ *Front, c rawClient) { c.closes(t); reset(c.TCPConn) }},
	{"client closes behind many messages", func(t *testing.T, _ *Front, c rawClient) {
		for range 100 {
			c.text(t, "one of many")
		}
		c.closes(t)
		_, _ = io.Copy(io.Discard, c)
		fin(c.TCPConn)
	}},
	{"backend closes, client answers", func(t *testing.T, _ *Front, c rawClient) {
		c.text(t, "close 4001 enough")
		expectClose(t, c, 4001)
		c.closes(t)
		_, _ = io.Copy(io.Discard, c)
		fin(c.TCPConn)
	}},
	{"backend closes, client does not answer", func(t *testing.T, _ *Front, c rawClient) {
		c.text(t, "close 4001 enough")
		expectClose(t, c, 4001)
	}},
	{"backend closes, client goes on talking", func(t *testing.T, _ *Front, c rawClient) {
		c.text(t, "close 4001 enough")
		expectClose(t, c, 4001)
		for range 20 {
			_ = ws.WriteFrame(c, ws.MaskFrame(ws.NewTextFrame([]byte("more"))))
			time.Sleep(time.Millisecond)
		}
	}},
	{"backend closes, client is gone", func(t *testing.T, _ *Front, c rawClient) {
		c.text(t, "close 4001 enough")
		expectClose(t, c, 4001)
		reset(c.TCPConn)
	}},
	{"both close at once", func(t *testing.T, _ *Front, c rawClient) {
		c.text(t, "close 4001 enough")
		c.closes(t)
		_, _ = io.Copy(io.Discard, c)
		fin(c.TCPConn)
	}},
	{"client ends TCP", func(_ *testing.T, _ *Front, c rawClient) { fin(c.TCPConn) }},
	{"client ends its direction", func(_ *testing.T, _ *Front, c rawClient) { _ = c.CloseWrite() }},
	{"client is gone", func(_ *testing.T, _ *Front, c rawClient) { reset(c.TCPConn) }},
	{"client ends TCP inside a frame", func(_ *testing.T, _ *Front, c rawClient) {
		_, _ = c.Write([]byte("\x82\xfe\x01\x00\x00\x00\x00\x00half"))
		fin(c.TCPConn)
	}},
	{"client is gone inside a frame", func(_ *testing.T, _ *Front, c rawClient) {
		_, _ = c.Write([]byte("\x82\xfe\x01\x00\x00\x00\x00\x00half"))
		reset(c.TCPConn)
	}},
	{"client breaks a rule", func(t *testing.T, _ *Front, c rawClient) {
		_, _ = c.Write([]byte("\x83\x80\x00\x00\x00\x00"))
		expectClose(t, c, 1002)
		c.closes(t)
	}},
	{"client breaks a rule inside a frame", func(t *testing.T, _ *Front, c rawClient) {
		_, _ = c.Write([]byte("\x81\x84\x00\x00\x00\x00a\xff\xff\xff"))
		expectClose(t, c, 1007)
	}},
	{"admin closes, client answers", func(t *testing.T, f *Front, c rawClient) { adminCloses(t, f, c); c.closes(t) }},
	{"admin closes, client does not answer", adminCloses},
	{"admin closes, client is gone", func(t *testing.T, f *Front, c rawClient) { adminCloses(t, f, c); reset(c.TCPConn) }},
}

// adminCloses ends the sessions of one address, which is not the neighbour's.
func adminCloses(t *testing.T, f *Front, c rawClient) {
	tell(t, f, "/sessions/close?ip=127.0.0.1")
	expectClose(t, c, 1008)
}

// closes sends a close frame; whoever gets it may be gone.
func (c rawClient) closes(t *testing.T) {
	t.Helper()
	if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))); err != nil {
		t.Fatal(err)
	}
}

// TestPoolNeighbour: however a session ends, and after all that is said of it, the others on its connection live on.
func TestPoolNeighbour(t *testing.T) {
	for _, backend := range echoBackends {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			url := "ws://" + backend.start(t)
			for _, e := range endings {
				t.Run(e.name, func(t *testing.T) {
					t.Parallel()
					f := poolsTuned(t, func(c *config.Config) {
						c.CloseTimeout, c.ValidateUTF8 = 300*time.Millisecond, true
					}, url)
					neighbour := dialAs(t, f, "127.0.0.2")
					stop, over := make(chan struct{}), make(chan error, 1)
					go func() { over <- neighbour.chat(stop) }()
					c := mustDial(t, f)
					c.roundTrip(t, "hello")
					e.end(t, f, c)
					awaitMetric(t, f, 1, "weir_pool_streams")
					awaitMetric(t, f, 1, "weir_client_connections")
					close(stop)
					if err := await(t, over, "the neighbour's last message"); err != nil {
						t.Errorf("the neighbour: %v", err)
					}
					if n := f.metric(t, "weir_pool_connections_lost_total"); n != 0 {
						t.Errorf("%v connections were lost", n)
					}
				})
			}
		})
	}
}

// chat goes on until stop, and has one message more come back then.
func (c rawClient) chat(stop chan struct{}) error {
	for {
		if err := c.echo("still here"); err != nil {
			return err
		}
		select {
		case <-stop:
			return c.echo("to the end")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// dialAs is mustDial from another of this host's addresses.
func dialAs(t testing.TB, f *Front, ip string) rawClient {
	t.Helper()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	dialer := ws.Dialer{NetDial: from.DialContext}
	c, _, _, err := dialer.Dial(context.Background(), f.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return rawClient{c.(*net.TCPConn), c}
}
