package gateway_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestPressFaults: the backend gets nothing of a message that is none, and both sides are told what it was.
func TestPressFaults(t *testing.T) {
	t.Parallel()
	limits := func(cfg *config.Config) { cfg.MaxMessageSize, cfg.ValidateUTF8 = 1000, true }
	frame := func(op ws.OpCode, fin bool, rsv byte, payload string) ws.Frame {
		f := ws.NewFrame(op, fin, []byte(payload))
		f.Header.Rsv = rsv
		return f
	}
	const rsv1 = 4
	good := string(deflated(records(900)))
	for name, c := range map[string]struct {
		frames []ws.Frame
		change func(*config.Config)
		code   ws.StatusCode
		reason string
	}{
		"corrupt":              {frames: []ws.Frame{frame(ws.OpText, true, rsv1, "\xff\xff\xff")}, code: 1007, reason: "corrupt_deflate"},
		"ends inside a block":  {frames: []ws.Frame{frame(ws.OpText, true, rsv1, good[:len(good)/2])}, code: 1007, reason: "corrupt_deflate"},
		"corrupt at the end":   {frames: []ws.Frame{frame(ws.OpText, false, rsv1, good), frame(ws.OpContinuation, true, 0, "\xff\xff")}, code: 1007, reason: "corrupt_deflate"},
		"the fragment is RSV1": {frames: []ws.Frame{frame(ws.OpText, false, rsv1, good), frame(ws.OpContinuation, true, rsv1, "")}, code: 1002, reason: "reserved_bits"},
		"plain, then RSV1":     {frames: []ws.Frame{frame(ws.OpText, false, 0, ""), frame(ws.OpContinuation, true, rsv1, good)}, code: 1002, reason: "reserved_bits"},
		"RSV1 on a ping":       {frames: []ws.Frame{frame(ws.OpPing, true, rsv1, "")}, code: 1002, reason: "reserved_bits"},
		"RSV2":                 {frames: []ws.Frame{frame(ws.OpText, true, rsv1|2, good)}, code: 1002, reason: "reserved_bits"},
		"interrupted":          {frames: []ws.Frame{frame(ws.OpText, false, rsv1, good), frame(ws.OpText, true, rsv1, good)}, code: 1002, reason: "interrupted_message"},
		"not UTF-8":            {frames: []ws.Frame{frame(ws.OpText, true, rsv1, string(deflated("gr\xfc\xdfe")))}, code: 1007, reason: "invalid_utf8"},
		"too large":            {frames: []ws.Frame{frame(ws.OpText, true, rsv1, string(deflated(records(1001))))}, code: 1009, reason: "inflated_too_large"},
		"too large in pieces":  {frames: []ws.Frame{frame(ws.OpText, false, rsv1, good), frame(ws.OpContinuation, true, 0, noise(999))}, code: 1009, reason: "message_too_large"},
		"of the other kind": {frames: []ws.Frame{frame(ws.OpBinary, true, rsv1, good)}, code: 1003, reason: "message_type",
			change: func(cfg *config.Config) { cfg.Messages = config.MessagesText }},
		"not JSON": {frames: []ws.Frame{frame(ws.OpText, true, rsv1, string(deflated("[1,")))}, code: 1007, reason: "invalid_json",
			change: func(cfg *config.Config) { cfg.Messages = config.MessagesJSON }},
	} {
		for _, way := range ways {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				r := startCompressing(t, way, func(cfg *config.Config) {
					if limits(cfg); c.change != nil {
						c.change(cfg)
					}
				})
				client, server := r.compressedSession()
				exact := `"` + strings.Repeat("x", 998) + `"` // as large as a message may be
				client.put(client.compressed(ws.OpText, exact)...)
				server.want(ws.OpText, exact)
				var sent []byte
				for _, f := range c.frames {
					sent = append(sent, client.encode(f)...)
				}
				client.put(sent, client.encode(ws.NewTextFrame([]byte(`"behind it"`))))
				if name == "plain, then RSV1" {
					if f, err := server.next(); err != nil || f.Header.Fin || len(f.Payload) > 0 {
						t.Fatalf("the good fragment came as %v, %v", f.Header, err)
					}
				}
				server.wantClose(c.code)
				client.wantClose(c.code)
				_, _ = client.conn.Close(), server.conn.Close()
				wantMetric(t, r, fmt.Sprintf(`weir_sessions_closed_total{reason="%s",code="%d"}`, c.reason, c.code), 1)
				wantMetric(t, r, "weir_gathered_bytes", 0)
			})
		}
	}
}

// TestPressFaultyBackend: what is said of clients' messages holds for those of backends.
func TestPressFaultyBackend(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		r := startCompressing(t, way, func(cfg *config.Config) { cfg.ValidateUTF8 = true })
		client, server := r.compressedSession()
		server.send(ws.OpText, records(1000)+"\xff")
		client.wantClose(1007)
		server.wantClose(1007)
		_, _ = client.conn.Close(), server.conn.Close()
		wantMetric(t, r, `weir_sessions_closed_total{reason="invalid_utf8",code="1007"}`, 1)
	}
}

// TestPressEarly: a client may compress what it sends with its handshake, as it knows what it will be told.
func TestPressEarly(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.Compression = config.CompressionGateway }, b.url())
	client := connect(t, g)
	frames := bytes.Join((&peer{client: true}).compressed(ws.OpText, "early", 3), nil)
	client.write(handshake("/", offersDeflate) + string(frames) + string(frames[:2]))
	server := b.accept()
	server.upgrade()
	server.want(ws.OpText, "early")
	client.wantStatus(101)
	client.write(string(frames[2:]))
	server.want(ws.OpText, "early")
}

// TestPressNotSettled: without an agreement nobody may compress.
func TestPressNotSettled(t *testing.T) {
	t.Parallel()
	for _, who := range []config.Compression{config.CompressionGateway, config.CompressionOff} {
		for _, byClient := range []bool{true, false} {
			b := listen(t)
			g := start(t, func(cfg *config.Config) { cfg.Compression, cfg.CloseTimeout = who, 400*time.Millisecond }, b.url()) // half of which an answer is waited for
			client, server := session(t, g, b)                                                                                 // which offers nothing
			from := client
			if !byClient {
				from = server
			}
			from.write(string((&peer{client: byClient}).compressed(ws.OpText, "nobody asked for it")[0]))
			client.wantClose(1002)
			server.wantClose(1002)
			_, _ = client.conn.Close(), server.conn.Close()
			wantMetric(t, g, `weir_sessions_closed_total{reason="reserved_bits",code="1002"}`, 1)
		}
	}
}
