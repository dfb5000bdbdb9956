package frame_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

var (
	key     = [4]byte{0x37, 0xfa, 0x21, 0x3d}
	client  = setup{rules: frame.Rules{Masked: true}}
	backend = setup{}
	checked = setup{rules: frame.Rules{ValidateUTF8: true}}
	deflate = setup{rsv1: true}
)

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

func raw(b0 byte, payload string) []byte { return rawFrame(b0, []byte(payload), nil) }

func masked(b0 byte, payload string) []byte { return rawFrame(b0, []byte(payload), &key) }

func TestViolations(t *testing.T) {
	reached := map[string]bool{}
	good := raw(0x81, "good")
	limited := func(perFrame, perMessage uint64) setup {
		return setup{rules: frame.Rules{MaxFrame: perFrame, MaxMessage: perMessage}}
	}
	var huge = []byte{0x02, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for _, c := range []struct {
		name   string
		set    setup
		before []byte // good
		fault  []byte
		inside int // how much of fault still passes
		reason string
		code   ws.StatusCode
	}{
		{"unmasked from a client", client, masked(0x81, "good"), raw(0x81, "x"), 0, "unmasked_frame", 1002},
		{"masked from a backend", backend, good, masked(0x81, "x"), 0, "masked_frame", 1002},
		{"RSV1 not negotiated", backend, good, raw(0xc1, "x"), 0, "reserved_bits", 1002},
		{"RSV2", deflate, good, raw(0xa1, "x"), 0, "reserved_bits", 1002},
		{"RSV3", deflate, good, raw(0x92, "x"), 0, "reserved_bits", 1002},
		{"RSV1 and RSV3", deflate, good, raw(0xd2, "x"), 0, "reserved_bits", 1002},
		{"RSV1 on a continuation", deflate, raw(0x41, "a"), raw(0xc0, "x"), 0, "reserved_bits", 1002},
		{"RSV1 on a ping", deflate, good, raw(0xc9, "x"), 0, "reserved_bits", 1002},
		{"opcode 3", backend, good, raw(0x83, "x"), 0, "unknown_opcode", 1002},
		{"opcode 15", backend, good, raw(0x8f, "x"), 0, "unknown_opcode", 1002},
		{"fragmented ping", backend, good, raw(0x09, "x"), 0, "fragmented_control", 1002},
		{"ping of 126 bytes", backend, good, raw(0x89, strings.Repeat("x", 126)), 0, "control_too_long", 1002},
		{"close of 64 KiB", backend, good, raw(0x88, strings.Repeat("x", 1<<16)), 0, "control_too_long", 1002},
		{"continuation at the start", backend, nil, raw(0x80, "x"), 0, "unexpected_continuation", 1002},
		{"continuation after a whole message", backend, join(raw(0x01, "a"), raw(0x80, "b")), raw(0x00, "x"), 0, "unexpected_continuation", 1002},
		{"text inside a message", backend, raw(0x01, "a"), raw(0x81, "x"), 0, "interrupted_message", 1002},
		{"binary inside a message, after a ping", backend, join(raw(0x02, ""), raw(0x89, "")), raw(0x02, "x"), 0, "interrupted_message", 1002},
		{"16 bits for 125", backend, good, []byte{0x82, 126, 0, 125}, 0, "long_length_encoding", 1002},
		{"64 bits for 65535", backend, good, []byte{0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 0, "long_length_encoding", 1002},
		{"2^63", backend, good, []byte{0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, 0, "length_overflow", 1002},
		{"2^64-1", limited(10, 10), good, append([]byte{0x82, 127}, bytes.Repeat([]byte{0xff}, 8)...), 0, "length_overflow", 1002},
		{"2^63-1", limited(0, 1<<62), good, huge, 0, "message_too_large", 1009},
		{"close of 1 byte", backend, good, raw(0x88, "\x03"), 0, "bad_close_payload", 1002},
		{"close 1005", backend, good, raw(0x88, string(closeBody(1005, "why"))), 0, "bad_close_code", 1002},
		{"masked close 999", client, nil, masked(0x88, string(closeBody(999, "why"))), 0, "bad_close_code", 1002},
		{"frame over its limit by one", limited(5, 0), raw(0x81, "five."), raw(0x82, "sixth."), 0, "frame_too_large", 1009},
		{"continuation over the frame's limit", limited(5, 0), raw(0x02, "five."), raw(0x00, "sixth."), 0, "frame_too_large", 1009},
		{"message over its limit by one", limited(0, 5), join(raw(0x81, "five."), raw(0x01, "abc")), raw(0x80, "def"), 0, "message_too_large", 1009},
		{"message over its limit by one, long", limited(0, 200), raw(0x01, strings.Repeat("a", 200)), raw(0x80, "b"), 0, "message_too_large", 1009},
		{"125 bytes where 124 are allowed", limited(124, 0), good, raw(0x82, strings.Repeat("x", 125)), 0, "frame_too_large", 1009},
		{"message of 125 bytes where 124 are allowed", limited(0, 124), good, raw(0x82, strings.Repeat("x", 125)), 0, "message_too_large", 1009},
		{"binary where only text is taken", setup{rules: frame.Rules{Only: ws.OpText}}, good, raw(0x82, "x"), 0, "message_type", 1003},
		{"sum above 2^63", limited(0, 1<<63), raw(0x02, "ab"), []byte{0, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0, "message_too_large", 1009},
		{"lone tail", checked, good, raw(0x81, "ab\x80"), 4, "invalid_utf8", 1007},
		{"surrogate", checked, good, raw(0x81, "\xed\xa0\x80"), 3, "invalid_utf8", 1007},
		{"text ends in a character", checked, good, raw(0x81, "a\xe2\x82"), 4, "invalid_utf8", 1007},
		{"empty last frame in a character", checked, raw(0x01, "a\xe2\x82"), raw(0x80, ""), 0, "invalid_utf8", 1007},
		{"fragments with a ping between", checked, join(raw(0x01, "\xf0"), raw(0x89, "\xff"), raw(0x00, "\x90")), raw(0x80, "\x8d\x41"), 3, "invalid_utf8", 1007},
		{"close reason", checked, good, raw(0x88, string(closeBody(1000, "a\xff"))), 5, "invalid_utf8", 1007},
		{"close reason ends in a character", checked, raw(0x01, "\xe2"), raw(0x88, string(closeBody(1000, "\xe2\x82"))), 5, "invalid_utf8", 1007},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := join(c.before, c.fault, good)
			if len(stream) < 1000 {
				checkSplits(t, stream, c.set)
			}
			o := walk(t, [][]byte{stream}, c.set, nil)
			if want := len(c.before) + c.inside; len(o.passed) != want || !bytes.HasPrefix(stream, o.passed) {
				t.Errorf("passed %d bytes, want %d", len(o.passed), want)
			}
			if last := o.log[len(o.log)-1]; !strings.HasSuffix(last, "violation "+c.reason) {
				t.Errorf("log ends in %q, want %s", last, c.reason)
			}
			for _, v := range frame.Violations() {
				if v.Reason == c.reason && v.Code != c.code {
					t.Errorf("close code %d, want %d", v.Code, c.code)
				}
			}
			reached[c.reason] = true
		})
	}
	for _, v := range frame.Violations() {
		if !reached[v.Reason] {
			t.Errorf("no case breaks %s", v.Reason)
		}
		if !strings.Contains(v.Text, "section") {
			t.Errorf("%s names no section", v.Reason)
		}
	}
}

// A size that is too large is refused by the header alone.
func TestTooLargeIsKnownFromTheHeader(t *testing.T) {
	var s frame.Scanner
	header := masked(0x82, strings.Repeat("x", 70000))[:14]
	_, _, ev := s.Scan(header, &frame.Rules{Masked: true, MaxMessage: 65536}, new(frame.Counts))
	if ev != frame.Violation || s.Err().Code != ws.StatusMessageTooBig {
		t.Errorf("event %d, error %v", ev, s.Err())
	}
}

func TestWhatIsAllowed(t *testing.T) {
	long := strings.Repeat("x", 126)
	for _, c := range []struct {
		name   string
		set    setup
		stream []byte
	}{
		{"limits met exactly", setup{rules: frame.Rules{MaxFrame: 126, MaxMessage: 200}}, join(raw(0x01, long), raw(0x80, long[:74]), raw(0x82, long))},
		{"small limits met exactly", setup{rules: frame.Rules{MaxFrame: 5, MaxMessage: 6}}, join(raw(0x81, "12345"), raw(0x01, "12345"), raw(0x80, "6"))},
		{"controls have no part in the limits", setup{rules: frame.Rules{MaxFrame: 1, MaxMessage: 2}}, join(raw(0x01, "a"), raw(0x89, long[:125]), raw(0x80, "b"))},
		{"no limits", backend, join(raw(0x81, long), raw(0x82, strings.Repeat("y", 1<<16)))},
		{"lengths 0, 125, 126, 65535, 65536", client, join(masked(0x81, ""), masked(0x81, long[:125]), masked(0x81, long),
			masked(0x82, strings.Repeat("y", 65535)), masked(0x82, strings.Repeat("y", 65536)))},
		{"RSV1 on first frames", deflate, join(raw(0xc1, "\xff"), raw(0x42, "\xff"), raw(0x80, ""), raw(0x81, "a"))},
		{"compressed text is not looked at", setup{rsv1: true, rules: frame.Rules{ValidateUTF8: true}}, join(raw(0x41, "\xff"), raw(0x80, "\xc0"))},
		{"binary is not looked at", checked, join(raw(0x02, "\xff"), raw(0x80, "\xc0"))},
		{"ping payload is not looked at", checked, join(raw(0x01, "\xe2"), raw(0x89, "\xff"), raw(0x80, "\x82\xac"))},
		{"masked text in fragments", setup{rules: frame.Rules{Masked: true, ValidateUTF8: true}}, join(masked(0x01, "zwei Zeichen: \xe2\x82"), masked(0x80, "\xac\xf0\x9f\x90\xa2"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.stream) < 1000 {
				checkSplits(t, c.stream, c.set)
			}
			o := walk(t, [][]byte{c.stream}, c.set, nil)
			if !bytes.Equal(o.passed, c.stream) || len(o.log) != 0 {
				t.Errorf("passed %d of %d bytes, log %q", len(o.passed), len(c.stream), o.log)
			}
		})
	}
}

// Every 16-bit number as a close code, against the lists of RFC 6455 section 7.4 and the registry.
func TestCloseCodes(t *testing.T) {
	registered := []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}
	for code := range 1 << 16 {
		good := slices.Contains(registered, uint16(code)) || code >= 3000 && code < 5000
		o := walk(t, [][]byte{rawFrame(0x88, closeBody(uint16(code), ""), &key)}, client, nil)
		want := []string{"0: violation bad_close_code"}
		if good {
			want = []string{fmt.Sprintf("8: close %d", code), "8: ended"}
		}
		if !slices.Equal(o.log, want) || o.code != code && good {
			t.Fatalf("code %d: %q, CloseCode %d", code, o.log, o.code)
		}
	}
}
