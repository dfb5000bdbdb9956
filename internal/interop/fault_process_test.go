package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
)

// Without descriptors the old tunnels live, the loop does not spin, and new clients come in when others leave.
func TestDescriptorsRunOut(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	const files = 512 // half of them are kept back
	p := startBinary(t, files, "--upstream", b.url(), "--max-connections", "1000", "--health-interval", "0",
		"--access-log", "off", "--loops", "1", "--drain-timeout", "1s", "--close-timeout", "200ms")
	const enough = files / 2 // there cannot be so many tunnels of two each
	var tunnels []rawClient
	for len(tunnels) < enough {
		c, err := dialRaw(p.Addr, time.Second)
		if err != nil {
			break // a 503, or no answer
		}
		defer c.Close()
		tunnels = append(tunnels, c)
	}
	if len(tunnels) == enough || len(tunnels) < 10 {
		t.Fatalf("%d tunnels with %d files", len(tunnels), files)
	}
	for range 20 { // in the backlog, or with half a request
		c := dialTCP(t, p.Addr)
		defer c.Close()
	}

	const window, share = time.Second, 10 // may use a tenth of one core
	before, end := p.cpu(t), time.Now().Add(window)
	for pause := time.NewTicker(window / 10); time.Now().Before(end); <-pause.C {
		for i, c := range tunnels[:10] {
			c.roundTrip(t, fmt.Sprint("still here ", i))
		}
	}
	if used := p.cpu(t) - before; used > window/share {
		t.Errorf("used %v of CPU time in %v without descriptors", used, window)
	}

	for _, c := range tunnels[:len(tunnels)/2] {
		_ = c.Close()
	}
	awaitTunnel(t, p.Front)
	for _, c := range tunnels[len(tunnels)/2:] {
		c.roundTrip(t, "after all")
	}
	p.terminate(t)
}

// awaitTunnel dials until it succeeds: how soon the gateway has closed sockets cannot be seen from outside.
func awaitTunnel(t testing.TB, f *Front) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		c, err := dialRaw(f.Addr, time.Second)
		if err == nil {
			defer c.Close()
			c.roundTrip(t, "back again")
			return
		}
		last = err
	}
	t.Fatalf("no tunnel after descriptors came back: %v", last)
}

// counted is what one side of a numbered conversation has seen.
type counted struct {
	client         string
	sent, received uint64
	code           websocket.StatusCode
	err            error
}

// take reads one numbered message and checks that none before it is missing.
func (c *counted) take(ws *websocket.Conn) bool {
	_, b, err := ws.Read(context.Background())
	switch {
	case err != nil:
		if c.code = websocket.CloseStatus(err); c.code == -1 {
			c.err = err
		}
		return false
	case len(b) < 8 || binary.BigEndian.Uint64(b) != c.received:
		c.err = fmt.Errorf("message %d is %d bytes that begin with %x", c.received, len(b), b[:min(8, len(b))])
		return false
	}
	c.received++
	return true
}

// put sends the next numbered message.
func (c *counted) put(ws *websocket.Conn, size int) bool {
	b := make([]byte, 8+size)
	binary.BigEndian.PutUint64(b, c.sent)
	if ws.Write(context.Background(), websocket.MessageBinary, b) != nil {
		return false
	}
	c.sent++
	return true
}

// numbering is a backend that sends numbered messages as fast as they are taken, and checks those that come.
func numbering(t testing.TB, out chan<- *counted) (url string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(-1)
		var writing sync.WaitGroup
		sent, received := &counted{}, &counted{client: r.URL.Path}
		writing.Go(func() {
			for sent.put(conn, int(sent.sent*7919%40_000)) {
			}
		})
		for received.take(conn) {
		}
		_ = conn.CloseNow()
		writing.Wait()
		out <- received
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "http", "ws", 1)
}

// dialShallow keeps the kernel's buffer small. What stands in it comes before a close frame, and with megabytes
// for each client a busy machine would need longer than the close timeout to take them.
func dialShallow(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return c, c.(*net.TCPConn).SetReadBuffer(32 << 10)
}

// On SIGTERM under load each client gets whole messages without a gap, then 1001 between two of them; and all
// that a client sent before it answered arrives at the backend, with the close behind it.
func TestTerminateUnderLoad(t *testing.T) {
	const clients, warm = 16, 50
	atBackend, atClient := make(chan *counted, clients), make(chan *counted, clients)
	p := startBinary(t, 0, "--upstream", numbering(t, atBackend), "--access-log", "text",
		"--drain-timeout", "5s", "--close-timeout", "4s")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialShallow}}
	var running sync.WaitGroup
	running.Add(clients)
	for i := range clients {
		name := fmt.Sprint("/", i)
		conn, _, err := websocket.Dial(t.Context(), p.url(name), &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		conn.SetReadLimit(-1)
		go func() {
			c := &counted{client: name}
			started := sync.OnceFunc(running.Done)
			defer started()
			for c.take(conn) {
				if c.received%4 == 0 {
					c.put(conn, 100)
				}
				if c.received == warm {
					started()
				}
			}
			atClient <- c
		}()
	}
	running.Wait()
	p.terminate(t)
	if !strings.Contains(p.stderr.String(), "cut=0") {
		t.Errorf("sessions were cut, or weir does not tell:\n%s", p.stderr)
	}

	sent := map[string]uint64{}
	for range clients {
		c := await(t, atClient, "a client's end")
		if c.err != nil || c.code != websocket.StatusGoingAway || c.received < warm {
			t.Errorf("client %s ended after %d messages with code %d, %v", c.client, c.received, c.code, c.err)
		}
		sent[c.client] = c.sent
	}
	for range clients {
		c := await(t, atBackend, "a backend's end")
		if c.err != nil || c.code != websocket.StatusGoingAway || c.received != sent[c.client] {
			t.Errorf("backend of %s got %d messages of %d, code %d, %v", c.client, c.received, sent[c.client], c.code, c.err)
		}
	}
	if t.Failed() {
		t.Logf("weir told:\n%s", p.stderr)
	}
}

// During a drain new clients are turned away, and those that stand are served until their turn comes.
func TestTerminateRefusesNewClients(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	p := startBinary(t, 0, "--upstream", b.url(), "--drain-timeout", "3s", "--close-timeout", "1s", "--access-log", "off")
	client := mustDial(t, p.Front)
	p.signal(t)
	for deadline := time.Now().Add(patience); p.readiness() != http.StatusServiceUnavailable; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("/readyz never told of the drain")
		}
	}
	for deadline := time.Now().Add(patience); ; { // until each loop has closed its listener, the answer is a 503
		_, err := dialRaw(p.Addr, time.Second)
		if errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
		if err == nil || time.Now().After(deadline) {
			t.Fatalf("a new client during the drain: %v, want it refused", err)
		}
	}
	client.roundTrip(t, "still served")
	expectClose(t, client, 1001)
	if err := ws.WriteFrame(client, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "")))); err != nil {
		t.Error(err)
	}
	if err := await(t, p.ended, "the end of weir"); err != nil {
		t.Errorf("after the drain: %v\n%s", err, p.stderr)
	}
}
