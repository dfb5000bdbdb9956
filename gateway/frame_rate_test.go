package gateway_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// frames is a masked frame, n times; first is its first byte.
func frames(first byte, payload string, n int) []byte {
	return bytes.Repeat([]byte(raw(true, first, string(rune(len(payload))), payload)), n)
}

// TestFrameFloods are closed with 1008 and their reason, after little more than was allowed. Sessions beside them go on.
func TestFrameFloods(t *testing.T) {
	t.Parallel()
	const allowed, many = 100, 20000
	perFrame := func(t *testing.T, cfg *config.Config) { cfg.FrameRate = limit(t, "1/h burst 100") }
	for _, c := range []struct {
		name, reason string
		change       func(*testing.T, *config.Config)
		flood        []byte
	}{
		{"pings", "frame_rate", perFrame, frames(0x89, "", many)},
		{"long pings", "frame_rate", perFrame, frames(0x89, strings.Repeat("p", 125), many)},
		{"pongs", "frame_rate", perFrame, frames(0x8a, "", many)},
		{"empty fragments", "frame_rate", perFrame, append(frames(0x01, "", 1), frames(0x00, "", many)...)},
		{"one-byte fragments", "frame_rate", perFrame, append(frames(0x02, "x", 1), frames(0x00, "x", many)...)},
		{"pings in a message", "frame_rate", perFrame, append(frames(0x01, "x", 1), frames(0x89, "", many)...)},
		{"messages of two fragments", "frame_rate", perFrame, bytes.Repeat(append(frames(0x01, "", 1), frames(0x80, "", 1)...), many)},
		{"fragments of JSON", "frame_rate", func(t *testing.T, cfg *config.Config) { perFrame(t, cfg); takeJSON(cfg) },
			append(frames(0x01, "[", 1), frames(0x00, " ", many)...)},
		{"tiny messages", "message_rate", func(t *testing.T, cfg *config.Config) { cfg.MessageRate = limit(t, "100/1h") }, frames(0x82, "x", many)},
		{"empty messages", "message_rate", func(t *testing.T, cfg *config.Config) { cfg.MessageRate = limit(t, "100/1h") }, frames(0x81, "", many)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachBackend(t, func(cfg *config.Config) {
				cfg.ReadBuffer = 4 << 10
				c.change(t, cfg)
			}, func(t *testing.T, r *rig) {
				client, server := r.session()
				gone := make(chan struct{})
				go func() { // the gateway may end the connection under it
					defer close(gone)
					_ = client.conn.SetWriteDeadline(time.Now().Add(patience))
					_, _ = client.conn.Write(c.flood)
				}()
				client.wantClose(1008)
				server.rest()
				_ = server.conn.Close()
				<-gone
				wantMetric(t, r, ended(c.reason, "1008"), 1)
				read := float64((4 << 10) / 6) // frames in one read at most
				if n := metric(t, r, `weir_frames_total{direction="up"}`); n < allowed || n > 2*allowed+2*read+2 {
					t.Errorf("%v frames passed where %d are allowed", n, allowed)
				}
				r.roundTrips(10)
			})
		})
	}
}

// TestFrameRateLeavesMessages alone: those in one frame each bring themselves to an end.
func TestFrameRateLeavesMessages(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) { cfg.FrameRate = limit(t, "1/h burst 10") }, func(t *testing.T, r *rig) {
		client, server := r.session()
		const n = 5000
		go func() { _, _ = client.conn.Write(frames(0x82, "x", n)) }()
		for range n {
			server.want(ws.OpBinary, "x")
		}
		for range 10 {
			client.send(ws.OpPing, "p")
			server.want(ws.OpPing, "p")
		}
		client.send(ws.OpPing, "one too many")
		client.wantClose(1008)
	})
}

// TestFragmentFloods on 50 connections, of one byte each and of none, where no rate forbids them: the gateway keeps no more
// than for other bytes, and messages beside them pass.
func TestFragmentFloods(t *testing.T) {
	const conns, count = 50, 131072
	flood := fragments(count)
	for _, name := range []string{"tunnel", "pool"} {
		t.Run(name, func(t *testing.T) {
			r := startWay(t, name, nil)
			before := heap()
			wrote, read := make(chan error, conns), make(chan error, conns)
			for range conns {
				client, server := r.session()
				go func() {
					_ = client.conn.SetWriteDeadline(time.Now().Add(4 * patience))
					_, err := client.conn.Write(flood)
					wrote <- err
				}()
				go func() {
					_ = server.conn.SetReadDeadline(time.Now().Add(4 * patience))
					_, err := io.CopyN(io.Discard, server.in, int64(len(flood)))
					read <- err
				}()
			}
			high := 0.0
			for i := 0; i < conns; {
				r.roundTrips(2)
				high = max(high, metric(t, r, "weir_buffered_bytes"))
				select {
				case err := <-read:
					if i++; err != nil {
						t.Fatal(err)
					}
				default:
				}
			}
			for range conns {
				if err := <-wrote; err != nil {
					t.Fatal(err)
				}
			}
			if high > conns*float64(config.Default().HighWater+ownFrames) {
				t.Errorf("%v bytes were buffered", high)
			}
			if grown := heap() - before; grown > conns*own+8<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
			if n := metric(t, r, `weir_frames_total{direction="up"}`); n < conns*count {
				t.Errorf("%v frames passed", n)
			}
		})
	}
}

// TestPongsNeverRead sends 10,000 pings to a backend that answers them, and reads none of the answers: what is kept is
// bounded, and once they are read all of them are there.
func TestPongsNeverRead(t *testing.T) {
	t.Parallel()
	const count = 10000
	body := strings.Repeat("p", 125)
	eachBackend(t, func(cfg *config.Config) { narrow(cfg, config.SlowWait, time.Second) }, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		answered, wrote := make(chan error, 1), make(chan error, 1)
		go func() {
			pong := ws.MustCompileFrame(ws.NewPongFrame([]byte(body)))
			for range count {
				f, err := server.next()
				if err == nil && f.Header.OpCode == ws.OpPing {
					err = server.try(pong)
				}
				if err != nil {
					answered <- err
					return
				}
			}
			answered <- nil
		}()
		go func() {
			_ = client.conn.SetWriteDeadline(time.Now().Add(2 * patience))
			_, err := client.conn.Write(frames(0x89, body, count))
			wrote <- err
		}()
		for range 20 {
			if n := metric(t, r, "weir_buffered_bytes"); n > 2*(16<<10+ownFrames) {
				t.Fatalf("%v bytes are buffered", n)
			}
			time.Sleep(10 * time.Millisecond)
		}
		for range count {
			client.want(ws.OpPong, body)
		}
		if err := <-answered; err != nil {
			t.Error(err)
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	})
}
