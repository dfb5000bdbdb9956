package gateway_test

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// fragments is a text message in n frames of one byte and of none, in turn.
func fragments(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		first := byte(0)
		if i == 0 {
			first = 1
		} else if i == n-1 {
			first = 0x80
		}
		b.WriteString(raw(true, first, string(rune(i%2)), "x"[:i%2]))
	}
	return b.Bytes()
}

// TestFragmentFlood sends 131,072 fragments on each of many connections. They go through as they are; the gateway
// keeps nothing of a message.
func TestFragmentFlood(t *testing.T) {
	const conns, count = 10, 131072
	flood := fragments(count)
	b := listen(t)
	g := start(t, nil, b.url())
	var clients, servers [conns]*peer
	for i := range conns {
		clients[i], servers[i] = session(t, g, b)
	}
	before := heap()
	wrote := make(chan error, conns)
	for _, client := range clients {
		go func() {
			_ = client.conn.SetWriteDeadline(time.Now().Add(2 * patience))
			_, err := client.conn.Write(flood)
			wrote <- err
		}()
	}
	got := make([]byte, 64<<10)
	for _, server := range servers { // one after the other, so that the others have to wait
		if n := metric(t, g, "weir_buffered_bytes"); n > conns*float64(config.Default().HighWater+ownFrames) {
			t.Errorf("%v bytes are buffered", n)
		}
		_ = server.conn.SetReadDeadline(time.Now().Add(2 * patience))
		for want := flood; len(want) > 0; {
			n, err := server.in.Read(got[:min(len(got), len(want))])
			if err != nil || !bytes.Equal(got[:n], want[:n]) {
				t.Fatalf("%d bytes before the end: %v", len(want), err)
			}
			want = want[n:]
		}
	}
	for range conns {
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	wantMetric(t, g, `weir_messages_total{direction="up"}`, conns)
	wantMetric(t, g, `weir_frames_total{direction="up"}`, conns*count)
}

// heap is how much is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestFragmentsAddUp to a message that is too large.
func TestFragmentsAddUp(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.MaxMessageSize, cfg.CloseTimeout = 1000, 500*time.Millisecond }, b.url())
	client, server := session(t, g, b)
	go func() { _, _ = io.Copy(io.Discard, server.in) }()
	client.write(string(fragments(4096)))
	client.wantClose(1009)
	client.wantEnd()
	_, _ = client.conn.Close(), server.conn.Close()
	wantMetric(t, g, `weir_sessions_closed_total{reason="message_too_large",code="1009"}`, 1)
	wantMetric(t, g, `weir_frames_total{direction="up"}`, 2001) // the 1001st byte is in the 2002nd frame
}

// TestPingFlood has a client that sends pings and reads none of the pongs, which the backend dutifully sends.
func TestPingFlood(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client, server := session(t, g, b)
	answered := make(chan struct{})
	ping := client.encode(ws.NewPingFrame([]byte(strings.Repeat("p", 125))))
	pongs := bytes.Repeat(ws.MustCompileFrame(ws.NewPongFrame([]byte(strings.Repeat("p", 125)))), 64)
	go func() {
		defer close(answered)
		pings := make([]byte, 64*len(ping))
		for {
			if _, err := io.ReadFull(server.conn, pings); err != nil {
				return
			}
			if _, err := server.conn.Write(pongs); err != nil {
				return
			}
		}
	}()
	_ = client.tcp.SetReadBuffer(128 << 10)
	client.stuff(server, bytes.Repeat(ping, 64))
	if n := metric(t, g, "weir_buffered_bytes"); n > 2*float64(config.Default().HighWater+ownFrames) {
		t.Errorf("%v bytes are buffered", n)
	}
	client.reset()
	_ = server.conn.Close()
	<-answered
	wantMetric(t, g, "weir_buffered_bytes", 0)
	wantMetric(t, g, "weir_client_connections", 0)
}

// TestEarlyFlood has a client that goes on sending while the backend takes its time to answer. What the gateway
// holds back is bounded, and arrives in order.
func TestEarlyFlood(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.BackendTimeout = patience }, b.url())
	client := connect(t, g)
	unit := pattern(client)
	client.write(handshake("/") + string(unit))
	server := b.accept()
	asked := server.head()
	sent := client.stuff(server, unit)
	if n := metric(t, g, "weir_buffered_bytes"); n > float64(config.Default().HighWater) {
		t.Errorf("%v bytes are buffered", n)
	}
	server.write(switching(asked))
	client.wantStatus(101)
	if f, err := server.next(); err != nil || len(f.Payload) != 10007 {
		t.Fatalf("a frame of %d bytes, %v", len(f.Payload), err)
	}
	client.finish(server, unit, sent)
}
