package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// raw is a frame, good or bad: first byte, length bytes without the mask bit, payload. The mask key is zero.
func raw(masked bool, first byte, length, payload string) string {
	if !masked {
		return string([]byte{first}) + length + payload
	}
	return string(append([]byte{first, length[0] | 0x80}, length[1:]+"\x00\x00\x00\x00"+payload...))
}

// TestViolations has each side break each rule. Both sides are told the code on a frame boundary, unless the bad
// payload was under way already; nothing bad goes through, and what was good before it does.
func TestViolations(t *testing.T) {
	t.Parallel()
	const max63, max64 = "\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "\x7f\xff\xff\xff\xff\xff\xff\xff\xff"
	type frames = func(m bool) string
	one := func(first byte, length, payload string) frames {
		return func(m bool) string { return raw(m, first, length, payload) }
	}
	two := func(a, b frames) frames { return func(m bool) string { return a(m) + b(m) } }
	k := strings.Repeat("k", 1000)
	for _, c := range []struct {
		reason string
		code   ws.StatusCode
		bad    frames
		passes string // payloads of the good frames before the bad one, joined by "|"
		inside bool   // the fault is found inside a frame
	}{
		{"wrong mask", 1002, func(m bool) string { return raw(!m, 0x81, "\x01", "x") }, "", false},
		{"reserved_bits", 1002, one(0xc1, "\x01", "x"), "", false},
		{"reserved_bits", 1002, one(0xa1, "\x01", "x"), "", false},
		{"reserved_bits", 1002, one(0x91, "\x01", "x"), "", false},
		{"unknown_opcode", 1002, one(0x83, "\x00", ""), "", false},
		{"unknown_opcode", 1002, one(0x8f, "\x00", ""), "", false},
		{"fragmented_control", 1002, one(0x09, "\x00", ""), "", false},
		{"control_too_long", 1002, one(0x89, "\x7e\x00\x7e", strings.Repeat("p", 126)), "", false},
		{"unexpected_continuation", 1002, one(0x80, "\x01", "x"), "", false},
		{"interrupted_message", 1002, two(one(0x01, "\x01", "a"), one(0x81, "\x01", "b")), "a", false},
		{"long_length_encoding", 1002, one(0x82, "\x7e\x00\x7d", strings.Repeat("x", 125)), "", false},
		{"long_length_encoding", 1002, one(0x82, "\x7f\x00\x00\x00\x00\x00\x00\x00\x7d", strings.Repeat("x", 125)), "", false},
		{"length_overflow", 1002, one(0x82, max64, "x"), "", false},
		{"length_overflow", 1002, one(0x82, "\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "x"), "", false},
		{"bad_close_payload", 1002, one(0x88, "\x01", "\x03"), "", false},
		{"bad_close_code", 1002, one(0x88, "\x02", "\x03\xe7"), "", false}, // 999
		{"bad_close_code", 1002, one(0x88, "\x02", "\x03\xed"), "", false}, // 1005
		{"bad_close_code", 1002, one(0x88, "\x02", "\x03\xf7"), "", false}, // 1015
		{"bad_close_code", 1002, one(0x88, "\x02", "\x13\x88"), "", false}, // 5000
		{"frame_too_large", 1009, one(0x82, max63, "x"), "", false},
		{"frame_too_large", 1009, one(0x82, "\x7e\x03\xe9", k+"x"), "", false},
		{"message_too_large", 1009, two(two(one(0x02, "\x7e\x03\xe8", k), one(0x00, "\x7e\x03\xe8", k)), one(0x80, "\x01", "x")), k + "|" + k, false},
		{"invalid_utf8", 1007, two(one(0x01, "\x01", "\xe2"), one(0x80, "\x00", "")), "\xe2", false},
		{"invalid_utf8", 1007, one(0x81, "\x02", "\xc0\x80"), "", true},
		{"invalid_utf8", 1007, one(0x81, "\x04", "ok\xff\xff"), "", true},
	} {
		for _, byClient := range []bool{true, false} {
			name, reason := "backend", c.reason
			if byClient {
				name = "client"
			}
			if reason == "wrong mask" {
				reason = map[bool]string{true: "unmasked_frame", false: "masked_frame"}[byClient]
			}
			t.Run(name+"/"+reason, func(t *testing.T) {
				t.Parallel()
				b := listen(t)
				g := start(t, func(cfg *config.Config) {
					cfg.MaxFrameSize, cfg.MaxMessageSize, cfg.ValidateUTF8, cfg.CloseTimeout = 1000, 2000, true, 300*time.Millisecond
				}, b.url())
				client, server := session(t, g, b)
				bad, other := client, server
				if !byClient {
					bad, other = server, client
				}
				bad.write(string(bad.encode(ws.NewTextFrame([]byte("before")))) + c.bad(byClient) + string(bad.encode(ws.NewTextFrame([]byte("after")))))
				other.want(ws.OpText, "before")
				for _, want := range strings.FieldsFunc(c.passes, func(r rune) bool { return r == '|' }) {
					if f, err := other.next(); err != nil || string(f.Payload) != want {
						t.Fatalf("wanted %.20q before the fault, got %.20q, %v", want, f.Payload, err)
					}
				}
				if c.inside {
					if byClient { // no close frame can be understood there, but the end of the direction
						other.wantEndWithout("\xff", "\xc0", "after")
						_ = other.conn.CloseWrite()
						bad.wantClose(c.code)
						bad.sendClose(c.code)
					} else {
						bad.wantClose(c.code)
						other.wantEndWithout("\xff", "\xc0", "after")
					}
				} else { // who broke no rule answers first: what it had sent before comes first
					other.wantClose(c.code)
					other.sendClose(c.code)
					bad.wantClose(c.code)
					bad.sendClose(c.code)
				}
				client.wantEndWithout()
				code := codes[c.code]
				if c.inside && !byClient {
					code = "cut" // it was the client that could be told nothing any more
				}
				_, _ = client.conn.Close(), server.conn.Close()
				wantMetric(t, g, `weir_sessions_closed_total{reason="`+reason+`",code="`+code+`"}`, 1)
				wantMetric(t, g, "weir_client_connections", 0)
			})
		}
	}
}

var codes = map[ws.StatusCode]string{1002: "1002", 1007: "1007", 1009: "1009"}

// TestExactLimits sends what is just allowed, both ways.
func TestExactLimits(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.MaxFrameSize, cfg.MaxMessageSize, cfg.ValidateUTF8 = 1000, 1500, true }, b.url())
	client, server := session(t, g, b)
	for _, way := range [][2]*peer{{client, server}, {server, client}} {
		from, to := way[0], way[1]
		for range 3 { // the count begins anew with each message
			from.send(ws.OpText, strings.Repeat("a", 1000))
			to.want(ws.OpText, strings.Repeat("a", 1000))
			from.write(string(from.encode(ws.NewFrame(ws.OpBinary, false, make([]byte, 999)))))
			from.send(ws.OpPing, strings.Repeat("p", 125)) // a ping between two frames counts for neither
			from.write(string(from.encode(ws.NewFrame(ws.OpContinuation, true, make([]byte, 501)))))
			to.want(ws.OpBinary, string(make([]byte, 999)))
			to.want(ws.OpPing, strings.Repeat("p", 125))
			to.want(ws.OpContinuation, string(make([]byte, 501)))
		}
		for _, size := range []int{125, 126} {
			from.send(ws.OpText, strings.Repeat("é", size)[:size&^1])
			to.want(ws.OpText, strings.Repeat("é", size)[:size&^1])
		}
	}
}

// TestReservedBitOfCompression is allowed where compression was agreed on, and there only.
func TestReservedBitOfCompression(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.ValidateUTF8 = true }, b.url())
	client := connect(t, g)
	client.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate"))
	server := b.accept()
	server.upgrade("Sec-WebSocket-Extensions: permessage-deflate")
	client.wantStatus(101)
	client.write(raw(true, 0xc1, "\x02", "\xff\xff"))
	server.want(ws.OpText, "\xff\xff")
	server.write(raw(false, 0xc1, "\x02", "\xff\xff"))
	client.want(ws.OpText, "\xff\xff")
	client.write(raw(true, 0xc9, "\x00", ""))
	client.wantClose(1002)
	server.wantClose(1002)
}

// TestDeliveredBeforeAFault: what the other side says until it has answered the close frame still comes, and the close frame
// with our code behind it, for whoever broke the rule. Nothing of the one that broke it passes meanwhile.
func TestDeliveredBeforeAFault(t *testing.T) {
	t.Parallel()
	for _, split := range []bool{false, true} {
		for _, byClient := range []bool{true, false} {
			t.Run(fmt.Sprintf("client=%t,split=%t", byClient, split), func(t *testing.T) {
				t.Parallel()
				b := listen(t)
				g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = 3 * time.Second }, b.url()) // half of which an answer is waited for
				client, server := session(t, g, b)
				bad, other := client, server
				if !byClient {
					bad, other = server, client
				}
				bad.send(ws.OpText, "one")
				bad.write(raw(byClient, 0x83, "\x00", ""))
				other.want(ws.OpText, "one")
				other.wantClose(1002)
				bad.send(ws.OpText, "late")
				last := other.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(4000, "of its own")))
				if split { // our close frame takes the place of one that comes in pieces, too
					other.write(string(other.encode(ws.NewTextFrame([]byte("echo of one")))) + string(last[:3]))
					bad.want(ws.OpText, "echo of one")
					other.write(string(last[3:]))
				} else {
					other.write(string(other.encode(ws.NewTextFrame([]byte("echo of one")))) + string(last))
					bad.want(ws.OpText, "echo of one")
				}
				bad.want(ws.OpClose, "\x03\xeaunknown_opcode")
				bad.sendClose(1002)
				client.wantEnd()
				_ = client.conn.Close()
				server.wantEnd()
			})
		}
	}
}

// TestFaultIsNotWaitedForLong where the other side goes on and never answers: half of the close timeout is its own.
func TestFaultIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	for _, byClient := range []bool{true, false} {
		b := listen(t)
		g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = time.Second }, b.url())
		client, server := session(t, g, b)
		bad, other := client, server
		if !byClient {
			bad, other = server, client
		}
		began := time.Now()
		bad.write(raw(byClient, 0x83, "\x00", ""))
		other.wantClose(1002)
		bad.wantClose(1002)
		if took := time.Since(began); took < 450*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
		bad.sendClose(1002)
		other.rest()
		bad.rest()
		wantMetric(t, g, "weir_client_connections", 0)
	}
}
