package interop

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// Backends hear of clients that vanish, whatever was under way, within the close timeout.
func TestClientsVanish(t *testing.T) {
	const clients, closeTimeout = 40, time.Second
	b := startRaw(t, "127.0.0.1:0")
	f := tuned(t, func(c *config.Config) { c.CloseTimeout = closeTimeout }, b.url())
	frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame(bytes.Repeat([]byte("c"), 500))))
	flood := ws.MustCompileFrame(ws.NewBinaryFrame(make([]byte, 1<<20)))
	ended := make(chan time.Time, clients)
	var all []rawClient
	for i := range clients {
		client, backend := openRaw(t, f, b)
		all = append(all, client)
		switch i % 3 {
		case 1: // inside a message
			if _, err := client.Write(frame[:200]); err != nil {
				t.Fatal(err)
			}
		case 2: // while the backend sends more than the client reads
			go func() {
				for {
					if _, err := backend.Write(flood); err != nil {
						return
					}
				}
			}()
		}
		go func() {
			_, _ = io.Copy(io.Discard, backend)
			ended <- time.Now()
			_ = backend.Close()
		}()
	}
	began := time.Now()
	for _, c := range all {
		reset(c.TCPConn)
	}
	const slack = 2 * time.Second // for a busy machine
	for range all {
		if took := await(t, ended, "the end of a client").Sub(began); took > closeTimeout+slack {
			t.Errorf("a backend heard of it after %v", took)
		}
	}
	awaitMetric(t, f, 0, "weir_client_connections")
	awaitMetric(t, f, 0, "weir_buffered_bytes")
}

// Clients that leave before their handshake is over leave nothing behind.
func TestClientsVanishEarly(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	f := tunnels(t, b.url())
	request := "GET / HTTP/1.1\r\nHost: weir\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2VpciBpbnRlcm9wIGtleQ==\r\n\r\n"
	for n := 1; n <= len(request); n += 7 {
		c := dialTCP(t, f.Addr)
		if _, err := io.WriteString(c, request[:n]); err != nil {
			t.Fatal(err)
		}
		reset(c)
	}
	c := dialTCP(t, f.Addr)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	reset(c)
	awaitMetric(t, f, 0, "weir_client_connections")
	client, _ := openRaw(t, f, b)
	_ = client.Close()
}
