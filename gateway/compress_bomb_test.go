package gateway_test

import (
	"bytes"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestPressBomb: a message of 1 MiB that inflates to 1 GiB takes as much memory as the limit allows, whether that is the
// route's or the gateway's own of 1 MiB. It is not parallel, as all that is allocated counts.
func TestPressBomb(t *testing.T) {
	bomb := bomb(1024, 'b')[:1<<20]
	for _, limit := range []uint64{0, 16 << 20} {
		r := startCompressing(t, "tunnel", func(cfg *config.Config) { cfg.MaxMessageSize = config.Size(limit) })
		client, server := r.compressedSession()
		sent := client.pressed(bomb)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		client.put(sent)
		server.wantClose(1009)
		client.wantClose(1009)
		runtime.ReadMemStats(&after)
		_, _ = client.conn.Close(), server.conn.Close()
		wantMetric(t, r, `weir_sessions_closed_total{reason="inflated_too_large",code="1009"}`, 1)
		if limit == 0 {
			limit = 1 << 20
		}
		runtime.GC()
		runtime.GC() // the second one empties the pools
		var left runtime.MemStats
		if runtime.ReadMemStats(&left); left.HeapAlloc > before.HeapAlloc+2<<20 {
			t.Errorf("%d bytes are kept behind a limit of %d", left.HeapAlloc-before.HeapAlloc, limit)
		}
		// What has come of the message, and the scratch it is inflated to, both of which double as they grow.
		if n, most := after.TotalAlloc-before.TotalAlloc, 2*limit+8<<20; n > most {
			t.Errorf("%d bytes were allocated, and at most %d are due for a limit of %d", n, most, limit)
		}
	}
}

// TestPressManyBombs: 30 messages of 1 KiB that come in one read and inflate to 1 MiB each, for a backend that does not
// read. The gateway inflates one of them after the watermark, and the others when they can go.
func TestPressManyBombs(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			const bombs, each = 30, 1 << 20
			var high config.Size
			r := startCompressing(t, way, func(cfg *config.Config) { high = config.Size(cfg.HighWater) })
			client, server := r.compressedSession()
			var sent [][]byte
			for i := range bombs {
				sent = append(sent, client.pressed(bomb(1, byte(i))), client.encode(ws.NewPingFrame([]byte{byte(i)})))
			}
			all := bytes.Join(sent, nil)
			client.put(all)
			held := bytes.Repeat(client.encode(ws.NewBinaryFrame([]byte(noise(16<<10)))), 256) // 4 MiB that have to wait
			wrote := make(chan struct{})
			go func() { defer close(wrote); client.put(held) }()
			wantStill(t, r, `weir_inflate_bytes_total{side="out"}`)
			for i := range bombs {
				server.want(ws.OpBinary, strings.Repeat(string([]byte{byte(i)}), each))
				server.want(ws.OpPing, string([]byte{byte(i)}))
				if n := metric(t, r, "weir_buffered_bytes"); n > float64(high)+each+ownFrames+tlsRecord {
					t.Fatalf("%v bytes are buffered behind message %d", n, i)
				}
				if n := metric(t, r, `weir_inflate_bytes_total{side="out"}`); i == 0 && n > bombs/2*each { // sockets hold some
					t.Errorf("%v bytes were inflated for a backend that does not read", n)
				}
				if n := metric(t, r, `weir_bytes_total{direction="up"}`); i < bombs/2 && n > float64(len(all)+256<<10) {
					t.Fatalf("behind message %d the client was read on, up to byte %v", i, n)
				}
			}
			for range 256 {
				server.want(ws.OpBinary, noise(16<<10))
			}
			await(t, wrote, "the last bytes")
			wantMetric(t, r, "weir_buffered_bytes", 0)
		})
	}
}

// wantStill waits until a counter of bytes has begun to count, and then stands still.
func wantStill(t *testing.T, r *rig, series string) {
	t.Helper()
	last, since := 0.0, time.Now()
	if !eventually(func() bool {
		if n := metric(t, r, series); n != last {
			last, since = n, time.Now()
		}
		return last > 0 && time.Since(since) > stall
	}) {
		t.Errorf("%s goes on and on: %v", series, last)
	}
}

// TestPressBombsAndLeave: what was kept back of a client that is gone is delivered like all it said, up to its end.
func TestPressBombsAndLeave(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"close frame", "end", "reset"} {
		for _, way := range ways {
			t.Run(how+" "+way, func(t *testing.T) {
				t.Parallel()
				const bombs, each = 12, 1 << 20
				r := startCompressing(t, way, func(cfg *config.Config) { cfg.CloseTimeout = patience })
				client, server := r.compressedSession()
				var sent [][]byte
				for i := range bombs {
					sent = append(sent, client.pressed(bomb(1, byte(i))))
				}
				if how == "close frame" {
					sent = append(sent, client.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(4321, ""))))
				}
				client.put(sent...)
				if half, ok := client.conn.(interface{ CloseWrite() error }); ok && how == "end" {
					_ = half.CloseWrite()
				}
				if how == "reset" { // what it has not read of it yet is the kernel's to lose
					wantMetric(t, r, `weir_sessions_open`, 1)
					if tcp, ok := client.conn.(*net.TCPConn); ok {
						_ = tcp.SetLinger(0)
					}
					_ = client.conn.Close()
					server.wantPrefix(bombs, each)
					_ = server.conn.Close()
					wantMetric(t, r, "weir_client_connections", 0)
					return
				}
				for i := range bombs {
					server.want(ws.OpBinary, strings.Repeat(string([]byte{byte(i)}), each))
				}
				if how == "close frame" {
					server.wantClose(4321)
					server.put(server.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(4321, ""))))
					client.wantClose(4321)
				} else {
					server.wantEnd()
				}
				_, _ = client.conn.Close(), server.conn.Close()
				wantMetric(t, r, "weir_client_connections", 0)
			})
		}
	}
}
