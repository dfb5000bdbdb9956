package gateway_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// noisy is a compressed message in one frame of somewhat more than n bytes.
func (k *peer) noisy(n int) (frame []byte, message string) {
	message = noise(n)
	return k.compressed(ws.OpBinary, message)[0], message
}

// TestPressGatherMemory: unfinished messages take no more than they may. A client that brings them over it is closed, at
// once and in order, as nothing of its message has passed; a backend's message, whose length is known, passes as it is. The
// others go on.
func TestPressGatherMemory(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for _, up := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s up=%v", way, up), func(t *testing.T) {
				t.Parallel()
				r := startCompressing(t, way, func(cfg *config.Config) { cfg.GatherMemory, cfg.GatherMemoryCode = 2<<20, 4013 })
				message := records(900 << 10)
				var from, to [3]*peer
				frame := frameOf(message)
				if up {
					frame, message = (&peer{client: true}).noisy(900 << 10)
				}
				for i := range from {
					if from[i], to[i] = r.compressedSession(); !up {
						from[i], to[i] = to[i], from[i]
					}
					from[i].put(frame[:100<<10])
				}
				wantRead(t, r, up, 300<<10)
				for i := range 2 {
					from[i].put(frame[100<<10 : len(frame)-1])
				}
				wantRead(t, r, up, 2*len(frame)-2+100<<10)
				if n := metric(t, r, "weir_gathered_bytes"); n < 1<<20 || n > 2<<20 {
					t.Errorf("%v bytes are kept of %d", n, 2*len(frame))
				}
				go func() { _, _ = from[2].conn.Write(frame[100<<10:]) }() // nobody may take it all
				if up {
					to[2].wantClose(4013)
					from[2].wantClose(4013)
					wantMetric(t, r, `weir_sessions_closed_total{reason="gather_memory",code="4xxx"}`, 1)
				} else if to[2].want(ws.OpBinary, message) {
					t.Error("the message found room to be compressed")
				}
				_, _ = from[2].conn.Close(), to[2].conn.Close()

				_, _ = from[1].conn.Close(), to[1].conn.Close()
				wantMetric(t, r, "weir_client_connections", 1)
				from[0].put(frame[len(frame)-1:])
				to[0].want(ws.OpBinary, message)
				wantMetric(t, r, "weir_gathered_bytes", 0)
			})
		}
	}
}

// frameOf is a whole message of a backend.
func frameOf(message string) []byte { return ws.MustCompileFrame(ws.NewBinaryFrame([]byte(message))) }

// wantRead waits until the gateway has read so many bytes of clients or of backends.
func wantRead(t *testing.T, r *rig, up bool, n int) {
	t.Helper()
	series := `weir_bytes_total{direction="down"}`
	if up {
		series = `weir_bytes_total{direction="up"}`
	}
	wantMetric(t, r, series, float64(n))
}

// wantEndOrClose reads on up to either.
func (k *peer) wantEndOrClose() {
	k.t.Helper()
	for {
		f, err := k.next()
		if e, ok := err.(net.Error); ok && e.Timeout() {
			k.t.Fatal("the connection stayed open")
		}
		if err != nil || f.Header.OpCode == ws.OpClose {
			return
		}
	}
}

// TestPressTooLargeToGather: what a backend sends that is larger than messages may be, or than there is room for, passes
// as it is.
func TestPressTooLargeToGather(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1<<20 + 1, 17 << 20} {
		r := startCompressing(t, "tunnel", func(cfg *config.Config) {
			if size < 17<<20 {
				cfg.GatherMemory = 1 << 20
			}
		})
		client, server := r.compressedSession()
		message := records(size)
		go server.send(ws.OpText, message)
		if client.want(ws.OpText, message) {
			t.Errorf("%d bytes came compressed", size)
		}
	}
}

// TestPressEndsInside: the client or the backend ends inside a message that is kept. Nothing of it arrives.
func TestPressEndsInside(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			for how, c := range map[string]struct {
				end  func(client, server *peer)
				want func(t *testing.T, client, server *peer)
			}{
				"close frame between fragments": {
					func(client, _ *peer) {
						client.put(client.compressed(ws.OpText, "in two", 3)[0], client.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(4000, ""))))
					},
					func(_ *testing.T, client, server *peer) {
						server.wantClose(4000)
						server.put(server.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(4000, ""))))
						client.wantClose(4000)
					}},
				"client's end between fragments": {
					func(client, _ *peer) {
						client.put(client.compressed(ws.OpText, "in two", 3)[0])
						_ = client.conn.(interface{ CloseWrite() error }).CloseWrite()
					},
					func(_ *testing.T, _, server *peer) { server.wantEnd() }},
				"client's end inside a frame": {
					func(client, _ *peer) {
						frame, _ := client.noisy(100_000)
						client.put(frame[:90_000])
						_ = client.conn.(interface{ CloseWrite() error }).CloseWrite()
					},
					func(_ *testing.T, _, server *peer) { server.wantEnd() }},
				"client's reset": {
					func(client, _ *peer) {
						frame, _ := client.noisy(100_000)
						client.put(frame[:90_000])
						if tcp, ok := client.conn.(*net.TCPConn); ok {
							_ = tcp.SetLinger(0)
						}
						_ = client.conn.Close()
					},
					func(_ *testing.T, _, server *peer) { server.wantEndOrClose() }},
				"backend's end inside a frame": {
					func(_, server *peer) {
						server.put(server.encode(ws.NewTextFrame([]byte(records(100_000))))[:90_000])
						_ = server.conn.(interface{ CloseWrite() error }).CloseWrite()
					},
					func(_ *testing.T, client, server *peer) { client.wantClose(1011) }},
			} {
				t.Run(how, func(t *testing.T) {
					g := startCompressing(t, way, func(cfg *config.Config) { cfg.CloseTimeout = patience })
					client, server := g.compressedSession()
					c.end(client, server)
					c.want(t, client, server)
					_, _ = client.conn.Close(), server.conn.Close()
					wantMetric(t, g, "weir_client_connections", 0)
					wantMetric(t, g, "weir_gathered_bytes", 0)
				})
			}
		})
	}
}

// TestPressDrain: a message that a backend is in the midst of arrives whole before the close frame, and nothing after it.
func TestPressDrain(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := startCompressing(t, way, func(cfg *config.Config) { cfg.DrainTimeout, cfg.CloseTimeout = 8*time.Second, patience })
			client, server := r.compressedSession()
			message := records(1 << 20)
			frame := server.encode(ws.NewTextFrame([]byte(message)))
			server.put(frame[:len(frame)/2])
			wantRead(t, r, false, len(frame)/2)
			leave := r.crowd()
			r.Drain()
			r.wantEnding()
			client.put(client.compressed(ws.OpText, "the last word")...)
			server.want(ws.OpText, "the last word")
			server.put(frame[len(frame)/2:], server.encode(ws.NewTextFrame([]byte("too late"))))
			if !client.want(ws.OpText, message) {
				t.Error("it is not compressed")
			}
			client.wantClose(1001)
			client.put(client.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, ""))))
			server.wantClose(1001)
			_, _ = client.conn.Close(), server.conn.Close()
			leave()
			await(t, stopped(t, r), "the end")
		})
	}
}

// TestPressCutInside: a backend that never ends its message has its client closed in order all the same.
func TestPressCutInside(t *testing.T) {
	t.Parallel()
	r := startCompressing(t, "tunnel", func(cfg *config.Config) { cfg.DrainTimeout, cfg.CloseTimeout = 4*time.Second, 2*time.Second })
	client, server := r.compressedSession()
	frame := server.encode(ws.NewTextFrame([]byte(records(1 << 20))))
	server.put(frame[:len(frame)/2])
	wantRead(t, r, false, len(frame)/2)
	r.Drain()
	client.wantClose(1001)
}
