package gateway_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

func takeJSON(cfg *config.Config) { cfg.Messages = config.MessagesJSON }

// deep is JSON of so many arrays, one in another.
func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// cuts are the ways in which a payload comes in frames: whole, of one byte each with pings between, and in two at each place.
func cuts(op ws.OpCode, payload string) (all [][]ws.Frame) {
	all = append(all, []ws.Frame{ws.NewFrame(op, true, []byte(payload))})
	single := []ws.Frame{ws.NewFrame(op, false, nil)}
	for i := range len(payload) {
		single = append(single, ws.NewFrame(ws.OpContinuation, false, []byte(payload[i:i+1])), ws.NewPingFrame([]byte("in between")))
	}
	all = append(all, append(single, ws.NewFrame(ws.OpContinuation, true, nil)))
	for at := 0; at <= len(payload) && len(payload) < 100; at++ {
		all = append(all, []ws.Frame{ws.NewFrame(op, false, []byte(payload[:at])), ws.NewFrame(ws.OpContinuation, true, []byte(payload[at:]))})
	}
	return all
}

// sendFrames sends frames in one write, or each byte in one of its own.
func (p *peer) sendFrames(frames []ws.Frame, slowly bool) {
	p.t.Helper()
	var wire []byte
	for _, f := range frames {
		wire = append(wire, p.encode(f)...)
	}
	if !slowly {
		p.write(string(wire))
		return
	}
	for i := range wire {
		p.write(string(wire[i : i+1]))
	}
}

// wantMessage reads the data message that has to come next, whatever is said between.
func (f *peer) wantMessage(text string) {
	f.t.Helper()
	for {
		got, err := f.next()
		if err == nil && got.Header.OpCode == ws.OpPing {
			continue
		}
		if err != nil || got.Header.OpCode != ws.OpText || !got.Header.Fin || string(got.Payload) != text {
			f.t.Fatalf("wanted %.40q, got opcode %d %.40q, error %v", text, got.Header.OpCode, got.Payload, err)
		}
		return
	}
}

// TestJSONPasses however it is cut, as one frame each, in order.
func TestJSONPasses(t *testing.T) {
	t.Parallel()
	eachBackend(t, takeJSON, func(t *testing.T, r *rig) {
		client, server := r.session()
		for _, text := range []string{`{}`, ` [1, -2.5e3, "é😀\u00e9", {"a":[null,true,false]}] `, `0`, `"x"`, `{"a":1,"a":2}`, deep(512),
			`"` + strings.Repeat("long ", 20000) + `"`} {
			for i, frames := range cuts(ws.OpText, text) {
				client.sendFrames(frames, i > 0 && i < 20 && len(text) < 100)
				server.wantMessage(text)
				if len(text) > 2000 {
					break
				}
			}
		}
		server.send(ws.OpBinary, "backends may send \xff anything")
		client.want(ws.OpBinary, "backends may send \xff anything")
	})
}

// TestJSONFaults: the backend gets the good message before the bad one, nothing of that, and a close frame.
func TestJSONFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload, reason string
		op                    ws.OpCode
		code                  ws.StatusCode
	}{
		{"invalid", `{"a":}`, "invalid_json", ws.OpText, 1007},
		{"truncated", `{"a":[1`, "invalid_json", ws.OpText, 1007},
		{"a word cut", `tru`, "invalid_json", ws.OpText, 1007},
		{"two texts", `{}{}`, "invalid_json", ws.OpText, 1007},
		{"empty", ``, "invalid_json", ws.OpText, 1007},
		{"spaces", "  \n", "invalid_json", ws.OpText, 1007},
		{"too deep", deep(513), "json_too_deep", ws.OpText, 1008},
		{"not UTF-8", "\"\xff\"", "invalid_utf8", ws.OpText, 1007},
		{"half a character", "\"\xc3\"", "invalid_utf8", ws.OpText, 1007},
		{"a surrogate", "\"\xed\xa0\x80\"", "invalid_utf8", ws.OpText, 1007},
		{"byte order mark", "\xef\xbb\xbf{}", "invalid_json", ws.OpText, 1007},
		{"binary", `{}`, "message_type", ws.OpBinary, 1003},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachBackend(t, takeJSON, func(t *testing.T, r *rig) {
				all := cuts(c.op, c.payload)
				for i, frames := range all {
					client, server := r.session()
					good := fmt.Sprintf(`{"good":%d}`, i)
					client.send(ws.OpText, good)
					client.sendFrames(append(frames, ws.NewTextFrame([]byte(`{"behind":0}`))), false)
					server.wantMessage(good)
					client.wantClose(c.code)
					for op := ws.OpPing; op == ws.OpPing; {
						f, err := server.next()
						if op = f.Header.OpCode; err != nil || op != ws.OpPing && op != ws.OpClose {
							t.Fatalf("cut %d: the backend gets opcode %d %.40q, %v", i, op, f.Payload, err)
						}
						if code, _ := ws.ParseCloseFrameData(f.Payload); op == ws.OpClose && code != c.code {
							t.Fatalf("cut %d: the backend is told %d", i, code)
						}
					}
					if rest := server.rest(); len(rest) > 0 {
						t.Fatalf("cut %d: %q", i, rest)
					}
					_, _ = client.conn.Close(), server.conn.Close()
				}
				wantMetric(t, r, ended(c.reason, strconv.Itoa(int(c.code))), float64(len(all)))
				wantMetric(t, r, "weir_gathered_bytes", 0)
			})
		})
	}
}

// TestJSONOfTheSize that may be is taken, one byte more is not, in whatever frames.
func TestJSONOfTheSize(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) { takeJSON(cfg); cfg.MaxMessageSize = 1000 }, func(t *testing.T, r *rig) {
		client, server := r.session()
		text := `"` + strings.Repeat("x", 998) + `"`
		for _, frames := range cuts(ws.OpText, text) {
			client.sendFrames(frames, false)
			server.wantMessage(text)
		}
		client.sendFrames(cuts(ws.OpText, text+" ")[1], false)
		client.wantClose(1009)
	})
}

// TestJSONForbidsCompression between client and backend, in which nobody could read.
func TestJSONForbidsCompression(t *testing.T) {
	t.Parallel()
	eachBackend(t, takeJSON, func(t *testing.T, r *rig) {
		client := connect(t, r)
		client.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate"))
		server := r.back.accept()
		if got := server.asked().fields.Get("Sec-WebSocket-Extensions"); got != "" {
			t.Errorf("the backend is offered %q", got)
		}
		server.upgrade("Sec-WebSocket-Extensions: permessage-deflate")
		if got := client.wantStatus(101).fields.Get("Sec-WebSocket-Extensions"); got != "" {
			t.Errorf("the client is told %q", got)
		}
		client.write(string(client.encode(deflatedText(`{}`))))
		client.wantClose(1002) // a reserved bit that nobody allowed
	})
}

// deflatedText is a text message, compressed by itself.
func deflatedText(text string) ws.Frame {
	f := ws.NewTextFrame(deflated(text))
	f.Header.Rsv = ws.Rsv(true, false, false)
	return f
}

// TestCompressedJSON is inflated by the gateway and read: the backend gets it in clear, or nothing of it.
func TestCompressedJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, reason string
		code               ws.StatusCode
	}{
		{"invalid", `{"a":}`, "invalid_json", 1007},
		{"too deep", deep(513), "json_too_deep", 1008},
		{"not UTF-8", "\"\xff\"", "invalid_utf8", 1007},
		{"a bomb", `"` + strings.Repeat("x", 1<<20) + `"`, "inflated_too_large", 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachBackend(t, func(cfg *config.Config) {
				takeJSON(cfg)
				cfg.Compression, cfg.MaxMessageSize = config.CompressionGateway, 64<<10
			}, func(t *testing.T, r *rig) {
				client, server := r.session("Sec-WebSocket-Extensions: permessage-deflate")
				if got := server.asked().fields.Get("Sec-WebSocket-Extensions"); got != "" {
					t.Errorf("the backend is offered %q", got)
				}
				for _, good := range []string{`{"a":[1,2,3]}`, `"` + strings.Repeat("again ", 1000) + `"`} {
					whole := deflatedText(good)
					half := len(whole.Payload) / 2
					first := ws.NewFrame(ws.OpText, false, whole.Payload[:half])
					first.Header.Rsv = whole.Header.Rsv
					client.sendFrames([]ws.Frame{whole, first, ws.NewPingFrame([]byte("in between")), ws.NewFrame(ws.OpContinuation, true, whole.Payload[half:])}, false)
					server.wantMessage(good)
					server.wantMessage(good)
				}
				client.send(ws.OpText, `"in clear"`)
				server.wantMessage(`"in clear"`)
				client.sendFrames([]ws.Frame{deflatedText(c.text)}, false)
				client.wantClose(c.code)
				server.wantClose(c.code)
				wantMetric(t, r, ended(c.reason, strconv.Itoa(int(c.code))), 1)
				_, _ = client.conn.Close(), server.conn.Close()
			})
		})
	}
}

// TestJSONMemory has many clients that begin long messages and do not end them: what is kept of all has its bound, those
// beyond it are closed, and short messages beside them pass.
func TestJSONMemory(t *testing.T) {
	t.Parallel()
	const clients, long, memory = 30, 200 << 10, 1 << 20
	eachBackend(t, func(cfg *config.Config) { takeJSON(cfg); cfg.GatherMemory = memory }, func(t *testing.T, r *rig) {
		for range clients {
			client, _ := r.session()
			client.sendFrames([]ws.Frame{ws.NewFrame(ws.OpText, false, []byte(`"`+strings.Repeat("x", long)))}, false)
		}
		const surplus = clients - memory/(long/2) // half of a message may be kept uncounted
		if !eventually(func() bool { return metric(t, r, ended("gather_memory", "1013")) >= surplus }) {
			t.Error("those beyond the bound are not closed")
		}
		if n := metric(t, r, "weir_gathered_bytes"); n < memory/4 || n > memory {
			t.Errorf("%v bytes are gathered", n)
		}
		r.roundTrips(10)
	})
}
