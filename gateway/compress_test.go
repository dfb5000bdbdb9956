package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestPress has a client compress for a backend that cannot, and get compressed what the backend sends.
func TestPress(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := startCompressing(t, way, func(cfg *config.Config) { cfg.ValidateUTF8, cfg.MaxMessageSize = true, 2<<20 })
			client, server := r.compressedSession()
			for _, size := range []int{0, 1, 125, 126, 255, 256, 1000, 65530, 65536, 70_000, 1 << 20} {
				for op, message := range map[ws.OpCode]string{ws.OpText: records(size), ws.OpBinary: noise(size)} {
					sent := client.compressed(op, message)
					go client.put(sent...)
					server.want(op, message)
					go client.send(op, message) // as it is
					server.want(op, message)
					go server.send(op, message)
					if got, want := client.want(op, message), size >= 256 && op == ws.OpText; got != want {
						t.Errorf("opcode %d of %d bytes came compressed: %v", op, size, got)
					}
				}
			}
			wantMetric(t, r, "weir_gathered_bytes", 0)
		})
	}
}

// TestPressSplitAnywhere: fragments of compressed messages with pings between them, and messages that are not compressed,
// of which every byte is read by itself.
func TestPressSplitAnywhere(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := startCompressing(t, way, nil)
			client, server := r.compressedSession()
			plain := func(op ws.OpCode, fin bool, payload string) []byte {
				return client.encode(ws.NewFrame(op, fin, []byte(payload)))
			}
			ping := func(payload string) []byte { return plain(ws.OpPing, true, payload) }
			a, b := client.compressed(ws.OpText, "a message in three", 0, 5), client.compressed(ws.OpBinary, "", 0)
			c := client.compressed(ws.OpText, "whole")
			all := [][]byte{ping("0"), a[0], ping("1"), a[1], ping("2"), ping("3"), a[2], plain(ws.OpText, true, "as it is"), b[0], b[1], c[0],
				plain(ws.OpText, false, "frag"), ping("4"), plain(ws.OpContinuation, true, "ments"), plain(ws.OpBinary, true, ""), c[0]}
			sent := metric(t, r, `weir_bytes_total{direction="up"}`)
			for _, frame := range all {
				for i := range frame {
					client.put(frame[i : i+1])
					sent++
					wantMetric(t, r, `weir_bytes_total{direction="up"}`, sent)
				}
			}
			for _, payload := range []string{"0", "1", "2", "3"} {
				server.want(ws.OpPing, payload)
			}
			server.want(ws.OpText, "a message in three")
			server.want(ws.OpText, "as it is")
			server.want(ws.OpBinary, "")
			server.want(ws.OpText, "whole")
			for _, want := range []string{"frag", "4", "ments"} {
				if f, err := server.next(); err != nil || string(f.Payload) != want {
					t.Fatalf("wanted %q, got %q, %v", want, f.Payload, err)
				}
			}
			server.want(ws.OpBinary, "")
			server.want(ws.OpText, "whole")
			wantMetric(t, r, `weir_messages_total{direction="up"}`, 7)

			message, received := records(300), metric(t, r, `weir_bytes_total{direction="down"}`)
			for _, c := range server.encode(ws.NewTextFrame([]byte(message))) {
				server.put([]byte{c})
				received++
				wantMetric(t, r, `weir_bytes_total{direction="down"}`, received)
			}
			if !client.want(ws.OpText, message) {
				t.Error("a message that came byte by byte is not compressed")
			}
			server.put(server.encode(ws.NewFrame(ws.OpText, false, []byte(message))), server.encode(ws.NewPingFrame(nil)),
				server.encode(ws.NewFrame(ws.OpContinuation, true, []byte(message)))) // pass as they come
			for _, want := range []string{message, "", message} {
				if f, err := client.next(); err != nil || string(f.Payload) != want || f.Header.Rsv != 0 {
					t.Fatalf("wanted %.20q, got %.20q, %v", want, f.Payload, err)
				}
			}
		})
	}
}

// TestPressOffers: what a client may say, and what it is told. Whatever it is, messages pass.
func TestPressOffers(t *testing.T) {
	t.Parallel()
	const of = "permessage-deflate"
	for _, c := range []struct {
		who    config.Compression
		window int
		offer  string
		answer string // to the client
	}{
		{config.CompressionGateway, 15, "", ""},
		{config.CompressionGateway, 15, of, settled},
		{config.CompressionGateway, 12, of, settled + "; server_max_window_bits=12"},
		{config.CompressionGateway, 12, of + "; server_max_window_bits=9", settled + "; server_max_window_bits=9"},
		{config.CompressionGateway, 9, of + "; server_max_window_bits=12", settled + "; server_max_window_bits=9"},
		{config.CompressionGateway, 15, of + `; server_max_window_bits="10", ` + of, settled + "; server_max_window_bits=10"},
		{config.CompressionGateway, 15, of + "; server_max_window_bits=16, " + of + "; client_max_window_bits=9", settled},
		{config.CompressionGateway, 15, "x-webkit-deflate-frame", ""},
		{config.CompressionGateway, 15, of + "; server_max_window_bits=7", ""},
		{config.CompressionGateway, 15, of + "; ;", ""},
		{config.CompressionGateway, 15, of + "=", ""},
		{config.CompressionOff, 15, of, ""},
	} {
		t.Run(fmt.Sprintf("%s %d %s", c.who, c.window, c.offer), func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, func(cfg *config.Config) { cfg.Compression, cfg.CompressionWindow = c.who, c.window }, b.url())
			for _, foreign := range []string{"", of, "x-unasked"} { // which the backend answers, unasked
				var lines []string
				if foreign != "" {
					lines = append(lines, "Sec-WebSocket-Extensions: "+foreign)
				}
				client := connect(t, g)
				if c.offer == "" {
					client.write(handshake("/"))
				} else {
					client.write(handshake("/", "Sec-WebSocket-Extensions: "+c.offer))
				}
				server := b.accept()
				if m := server.upgrade(lines...); m.fields["Sec-Websocket-Extensions"] != nil {
					t.Errorf("the backend is offered %q", m.fields["Sec-Websocket-Extensions"])
				}
				if got := client.wantStatus(101).fields["Sec-Websocket-Extensions"]; strings.Join(got, " and ") != c.answer {
					t.Errorf("the client is told %q, want %q", got, c.answer)
				}
				client.send(ws.OpText, "as it is")
				server.want(ws.OpText, "as it is")
				server.send(ws.OpText, "as it is")
				client.want(ws.OpText, "as it is")
				if foreign != "" { // it is not understood, whatever it was
					compressed := (&peer{}).compressed(ws.OpText, "nobody asked for it")
					server.write(string(compressed[0]))
					client.wantClose(1002)
				}
				_, _ = client.conn.Close(), server.conn.Close()
			}
		})
	}
}

// TestPressWindow: what repeats itself further back than the window is not found, so that a client need not remember it.
func TestPressWindow(t *testing.T) {
	t.Parallel()
	once := noise(2000)
	message := once + once + strings.Repeat("and what is worth it ", 200)
	for bits, far := range map[string]bool{"": true, "=15": true, "=12": true, "=10": false, "=9": false, "=8": false} {
		b := listen(t)
		g := start(t, func(cfg *config.Config) { cfg.Compression = config.CompressionGateway }, b.url())
		client := connect(t, g)
		if bits != "" {
			bits = "; server_max_window_bits" + bits
		}
		client.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate"+bits))
		server := b.accept()
		server.upgrade()
		if got := client.wantStatus(101).fields.Get("Sec-WebSocket-Extensions"); got != settled+bits {
			t.Errorf("the client is told %q", got)
		}
		server.send(ws.OpBinary, message)
		f, err := client.next()
		if err != nil || !f.Header.Rsv1() {
			t.Fatalf("got %v, %v", f.Header, err)
		}
		if found := len(f.Payload) < 2*len(once); found != far {
			t.Errorf("with %q a message of %d bytes is compressed to %d", bits, len(message), len(f.Payload))
		}
		if got, err := inflated(f.Payload); err != nil || string(got) != message {
			t.Errorf("with %q another message came, or none: %v", bits, err)
		}
	}
}
