package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestTLSEcho sends messages of all sizes through both versions.
func TestTLSEcho(t *testing.T) {
	t.Parallel()
	e := startTLS(t, nil, echo(t))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			transport := &http.Transport{TLSClientConfig: e.ca.clientTLS(func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version })}
			defer transport.CloseIdleConnections()
			c, _, err := websocket.Dial(ctx, "wss://"+e.secureAddr()+"/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			c.SetReadLimit(-1)
			for _, size := range []int{0, 1, 125, 126, 16383, 16384, 16385, 65536, 1 << 20, 4 << 20} {
				want := strings.Repeat("w", size)
				if err := c.Write(ctx, websocket.MessageText, []byte(want)); err != nil {
					t.Fatal(size, err)
				}
				if _, got, err := c.Read(ctx); err != nil || string(got) != want {
					t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
				}
			}
			if err := c.Close(4321, "bye"); err != nil {
				t.Error(err)
			}
		})
		wantMetric(t, e, fmt.Sprintf(`weir_tls_handshakes_total{version=%q,resumed="false"}`, tls.VersionName(version)), 1)
	}
	wantMetric(t, e, "weir_buffered_bytes", 0)
}

// TestTLSResumes a session by its ticket, in both versions.
func TestTLSResumes(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, nil, b.url())
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cache := tls.NewLRUClientSessionCache(1)
		for i := range 2 {
			client, server := e.secureSession(b, func(c *tls.Config) { c.ClientSessionCache, c.MinVersion, c.MaxVersion = cache, version, version })
			if resumed := client.state().DidResume; resumed != (i == 1) {
				t.Errorf("%s, connection %d: resumed %t", tls.VersionName(version), i, resumed)
			}
			client.send(ws.OpText, "there")
			server.want(ws.OpText, "there")
		}
		wantMetric(t, e, fmt.Sprintf(`weir_tls_handshakes_total{version=%q,resumed="true"}`, tls.VersionName(version)), 1)
	}
}

// TestTLSSlowReaders is TestSlowReaders over TLS: neither side makes the gateway keep more than the watermark.
func TestTLSSlowReaders(t *testing.T) {
	t.Parallel()
	t.Run("client does not read", func(t *testing.T) {
		t.Parallel()
		const stuck = 3
		b := listen(t)
		e := startTLS(t, nil, b.url())
		var clients [stuck]*peer
		var servers [stuck]*peer
		var units [stuck][]byte
		var sent [stuck]int
		for i := range stuck {
			clients[i], servers[i] = e.secureSession(b)
			units[i] = pattern(servers[i])
			sent[i] = servers[i].stuff(clients[i], units[i])
		}
		const records = 4 << 10 // what TLS adds to a queue
		if n := metric(t, e, "weir_buffered_bytes"); n == 0 || n > stuck*float64(config.Default().HighWater+records) {
			t.Errorf("%v bytes are buffered for %d sessions", n, stuck)
		}
		roundTrips(t, e, b, 50)
		for i := range stuck {
			servers[i].finish(clients[i], units[i], sent[i])
		}
		wantMetric(t, e, "weir_buffered_bytes", 0)
	})
	t.Run("backend does not read", func(t *testing.T) {
		t.Parallel()
		b := listen(t)
		e := startTLS(t, nil, b.url())
		client, server := e.secureSession(b)
		_ = server.tcp.SetReadBuffer(128 << 10)
		unit := pattern(client)
		const units = 3200 // 32 MB, more than the sockets take
		wrote := make(chan error, 1)
		go func() {
			_ = client.conn.SetWriteDeadline(time.Now().Add(3 * patience))
			for range units {
				if _, err := client.conn.Write(unit); err != nil {
					wrote <- err
					return
				}
			}
			wrote <- nil
		}()
		const up = `weir_bytes_total{direction="up"}`
		for last := -1.0; ; time.Sleep(stall) {
			n := metric(t, e, up)
			if n == last && n > 0 {
				break
			}
			last = n
		}
		select {
		case err := <-wrote:
			t.Fatal("nothing held the client back", err)
		default:
		}
		if n := metric(t, e, "weir_buffered_bytes"); n == 0 || n > float64(config.Default().HighWater+tlsRecord+ownFrames) {
			t.Errorf("%v bytes are buffered", n)
		}
		got := make([]byte, len(unit))
		_ = server.conn.SetReadDeadline(time.Now().Add(3 * patience))
		for i := range units {
			if _, err := io.ReadFull(server.in, got); err != nil || !bytes.Equal(got, unit) {
				t.Fatalf("unit %d did not arrive whole: %v", i, err)
			}
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		wantMetric(t, e, "weir_buffered_bytes", 0)
	})
}

// TestTLSDrain closes sessions as in clear, and TLS behind the close frame; a client under way is turned away.
func TestTLSDrain(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) {
		cfg.DrainTimeout, cfg.CloseTimeout = 600*time.Millisecond, 300*time.Millisecond
	}, b.url())
	const n = 5
	var clients [n]*peer
	var servers [n]*peer
	for i := range n {
		clients[i], servers[i] = e.secureSession(b)
	}
	greeting, silent := e.secure(), e.reach()
	wantMetric(t, e, "weir_client_connections", n+2)
	e.Drain()
	greeting.wantStatus(503)
	silent.wantEnd() // there is no TLS to say anything over
	for i := range n {
		clients[i].wantClose(1001)
		clients[i].sendClose(1001)
		servers[i].wantClose(1001)
		_ = servers[i].conn.Close()
		clients[i].wantGoodbye()
	}
	await(t, stopped(t, e), "the end")
}

// TestTLSTimeouts are those of sessions in clear.
func TestTLSTimeouts(t *testing.T) {
	t.Parallel()
	b := listen(t)
	t.Run("idle", func(t *testing.T) {
		e := startTLS(t, func(cfg *config.Config) { cfg.IdleTimeout = 150 * time.Millisecond }, b.url())
		client, server := e.secureSession(b)
		client.wantClose(1001)
		client.sendClose(1001)
		server.wantClose(1001)
		_ = server.conn.Close()
		client.wantGoodbye()
		wantMetric(t, e, `weir_sessions_closed_total{reason="idle_timeout",code="1001"}`, 1)
	})
	t.Run("pings", func(t *testing.T) {
		e := startTLS(t, func(cfg *config.Config) {
			cfg.PingInterval, cfg.PongTimeout = 60*time.Millisecond, 400*time.Millisecond
		}, b.url())
		client, server := e.secureSession(b)
		for range 3 {
			client.send(ws.OpPong, client.wantPing())
		}
		client.send(ws.OpText, "alive")
		server.want(ws.OpText, "alive")
		wantMetric(t, e, "weir_pongs_received_total", 3)
		for { // silent from here on
			f, err := client.next()
			if err != nil {
				t.Fatal(err)
			}
			if f.Header.OpCode == ws.OpClose {
				break
			}
		}
		wantMetric(t, e, `weir_sessions_closed_total{reason="pong_timeout",code="1001"}`, 1)
	})
}
