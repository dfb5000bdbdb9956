package gateway_test

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
)

// TestByteRate has all bytes arrive, in order and no faster than allowed, from a client that does not wait; what has
// not passed stays with the client.
func TestByteRate(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		cfg.ByteRate, cfg.ReadBuffer, cfg.MaxHeaderSize = limit(t, "512KiB/s burst 64KiB"), 8<<10, 8<<10
	})
	client, server := session(t, g, b)
	_ = client.tcp.SetWriteBuffer(64 << 10)
	unit := pattern(client)
	all := bytes.Repeat(unit, 320<<10/len(unit))
	began := time.Now()
	go func() { _, _ = client.conn.Write(all) }()
	for got := 0; got < len(all); got += len(unit) {
		if text := server.bytes(len(unit)); text != string(unit) {
			t.Fatalf("behind %d bytes others come", got)
		}
		if n := metric(t, g, "weir_buffered_bytes"); n > 128<<10 {
			t.Fatalf("%v bytes are kept", n)
		}
	}
	if took, least := time.Since(began), time.Duration(len(all)-(64+16)<<10)*time.Second/(512<<10); took < least {
		t.Errorf("it took %v, and at least %v is due", took, least)
	}
	server.send(ws.OpText, "down") // which has no limit
	client.want(ws.OpText, "down")
}

// TestPause reads on when it is allowed: nothing is lost, the rate holds, and nobody is taken for dead or idle meanwhile.
func TestPause(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		cfg.MessageRate, cfg.RateAction = limit(t, "20/s burst 2"), config.RatePause
		cfg.PingInterval, cfg.PongTimeout = 100*time.Millisecond, 100*time.Millisecond
	})
	client, server := session(t, g, b)
	began := time.Now()
	for range 12 {
		client.send(ws.OpText, "paced")
		server.want(ws.OpText, "paced")
	}
	if took := time.Since(began); took < 450*time.Millisecond { // 10 at 20/s, of which the last one may have been read
		t.Errorf("12 messages took %v", took)
	}
	if n := metric(t, g, "weir_sessions_open"); n != 1 {
		t.Error("the session is over")
	}
}

// TestPauseHoldsBackABurst that comes in one piece, as it holds back one that comes message by message.
func TestPauseHoldsBackABurst(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) { cfg.MessageRate, cfg.RateAction = limit(t, "5/3h"), config.RatePause })
	client, server := session(t, g, b)
	client.write(strings.Repeat(client.frames("T"), 1000))
	for range 5 {
		server.want(ws.OpText, "0 of T")
	}
	wantMetric(t, g, "weir_sessions_open", 1)
	if n := metric(t, g, `weir_messages_total{direction="up"}`); n > 5 {
		t.Errorf("%v messages passed, 5 are allowed", n)
	}
}

// TestPauseIsNotSilence: whom the gateway does not read is not closed for having said nothing.
func TestPauseIsNotSilence(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		cfg.ByteRate, cfg.IdleTimeout = limit(t, "100B/s burst 20B"), 200*time.Millisecond
	})
	client, server := session(t, g, b)
	client.send(ws.OpText, strings.Repeat("x", 64)) // half a second's
	server.want(ws.OpText, strings.Repeat("x", 64))
	client.send(ws.OpText, "said in time, read later")
	server.want(ws.OpText, "said in time, read later")
}

// TestPausedClientLeaves or its backend does: the session ends without waiting for the rate.
func TestPausedClientLeaves(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"client", "backend", "drain"} {
		b := listen(t)
		g := rated(t, b, func(cfg *config.Config) { cfg.ByteRate, cfg.DrainTimeout = limit(t, "1B/3h burst 10B"), 4*time.Second })
		client, server := session(t, g, b)
		client.send(ws.OpText, "more than ten bytes")
		server.want(ws.OpText, "more than ten bytes")
		switch who {
		case "client":
			_ = client.conn.Close()
			server.rest()
		case "backend":
			_ = server.conn.Close()
			client.wantClose(1011)
			_ = client.conn.Close()
		case "drain":
			g.Drain()
			client.wantClose(1001)
			_, _ = client.conn.Close(), server.conn.Close()
			await(t, stopped(t, g), "the end")
			continue
		}
		_ = server.conn.Close()
		wantMetric(t, g, "weir_client_connections", 0)
	}
}

// TestEndIsNotPaced: once a session ends, what the client still says is read at once, be it paced or not.
func TestEndIsNotPaced(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		cfg.MessageRate, cfg.ByteRate, cfg.CloseTimeout = limit(t, "1/3h"), limit(t, "1B/3h burst 10B"), 2*time.Second
	})
	client, server := session(t, g, b)
	client.write(client.frames("TT"))
	server.want(ws.OpText, "0 of TT")
	server.wantClose(1008)
	server.sendClose(1008)
	client.wantClose(1008)
	client.sendClose(1008)
	client.wantEnd()
	_, _ = client.conn.Close(), server.conn.Close()
	wantMetric(t, g, "weir_client_connections", 0)
	if metric(t, g, "weir_sessions_cut_total") > 0 {
		t.Error("the session was cut, since the client's close frame was not read")
	}
}

// TestOneKindOfMessage closes a client that sends the other; backends send what they like.
func TestOneKindOfMessage(t *testing.T) {
	t.Parallel()
	for _, rates := range []bool{false, true} {
		for kind, c := range map[config.Messages]struct{ good, bad string }{config.MessagesText: {"TtcpC", "B"}, config.MessagesBinary: {"BbcpC", "t"}} {
			b := listen(t)
			g := rated(t, b, func(cfg *config.Config) {
				if cfg.Messages = kind; rates {
					cfg.MessageRate = limit(t, "100/s")
				}
			})
			client, server := session(t, g, b)
			client.write(client.frames(c.good))
			for range c.good {
				if _, err := server.next(); err != nil {
					t.Fatal(err)
				}
			}
			server.write(server.frames("TB"))
			client.want(ws.OpText, "0 of TB")
			client.want(ws.OpBinary, "1 of TB")
			client.write(client.frames(c.bad))
			server.wantClose(1003)
			client.wantClose(1003)
			_, _ = client.conn.Close(), server.conn.Close()
			wantMetric(t, g, `weir_sessions_closed_total{reason="message_type",code="1003"}`, 1)
		}
	}
}

// TestEndInsideADroppedMessage: the backend has got whole frames alone, so it is told as always.
func TestEndInsideADroppedMessage(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.MessageRate, cfg.RateAction = limit(t, "1/3h"), config.RateDrop
	})
	client, server, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", jwt.MapClaims{"exp": time.Now().Unix() + 3}))))
	dropped := client.frames("TT")
	client.write(dropped[:len(dropped)-3])
	server.want(ws.OpText, "0 of TT")
	client.wantClose(4401)
	server.wantClose(4401)
}

// TestDroppedMessagesWereCompressed together with those that pass: a backend must be able to inflate what it gets
// (RFC 7692 section 7.2.3.2: each message may refer to the ones before it).
func TestDroppedMessagesWereCompressed(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) { cfg.MessageRate, cfg.RateAction = limit(t, "50/s burst 1"), config.RateDrop })
	client := connect(t, g)
	client.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate"))
	server := b.accept()
	m := server.head()
	offered := m.fields.Get("Sec-WebSocket-Extensions")
	if offered == "" {
		server.write(switching(m))
		client.wantStatus(101)
		return // nothing is compressed, so that nothing can be missed
	}
	server.write(switching(m, "Sec-WebSocket-Extensions: "+offered))
	if strings.Contains(client.wantStatus(101).fields.Get("Sec-WebSocket-Extensions"), "client_no_context_takeover") {
		return // each message stands alone
	}
	var out bytes.Buffer
	deflate, _ := flate.NewWriter(&out, flate.BestCompression)
	compressed := func(text string) string {
		out.Reset()
		_, _ = deflate.Write([]byte(text))
		_ = deflate.Flush()
		f := ws.NewFrame(ws.OpText, true, bytes.Clone(bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff})))
		f.Header.Rsv = ws.Rsv(true, false, false)
		return string(client.encode(f))
	}
	const second, third = "what was said in the second message", "what was said in the second message, and more"
	client.write(compressed("first") + compressed(second))
	wantMetric(t, g, `weir_messages_dropped_total{reason="message_rate"}`, 1)
	time.Sleep(40 * time.Millisecond) // twice what a message costs
	client.write(compressed(third))
	var window []byte
	for _, want := range []string{"first", third} {
		f, err := server.next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(flate.NewReaderDict(strings.NewReader(string(f.Payload)+"\x00\x00\xff\xff\x01\x00\x00\xff\xff"), window))
		if string(got) != want {
			t.Fatalf("%q is inflated to %q, %v", want, got, err)
		}
		window = append(window, got...)
	}
}
