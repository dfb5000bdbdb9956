package frame_test

import (
	"strings"
	"testing"

	"weir/codec/frame"
)

// TestDiscard finds the end of the close frame behind whatever else comes, wherever the stream is cut and wherever the
// scanner stood when it was told to discard.
func TestDiscard(t *testing.T) {
	set := setup{rules: frame.Rules{Masked: true, MaxMessage: 500, ValidateUTF8: true}, pong: true}
	long := strings.Repeat("x", 126)
	for name, before := range map[string][]byte{
		"nothing":             nil,
		"sound frames":        join(masked(0x01, "a"), masked(0x89, "p"), masked(0x8a, "12345678"), masked(0x80, long), masked(0x82, strings.Repeat("y", 400))),
		"unmasked":            raw(0x81, "a"),
		"reserved":            join(masked(0x83, "a"), masked(0xf2, long)),
		"too large":           masked(0x82, strings.Repeat("y", 70_000)),
		"fragmented control":  masked(0x09, "p"),
		"bad text":            join(masked(0x81, "a\xff\xffbcd"), masked(0x01, "\xe2"), masked(0x80, "")),
		"a long control":      masked(0x89, long),
		"a continuation more": masked(0x80, "a"),
	} {
		for ending, last := range map[string][]byte{
			"a close": masked(0x88, "\x03\xe8bye"), "an empty close": masked(0x88, ""), "half a code": masked(0x88, "\x03"),
			"a bad code": masked(0x88, "\x03\xe7x"), "bad text": masked(0x88, "\x03\xe8\xff\xff"), "an unmasked close": raw(0x88, "\x03\xe8"),
		} {
			t.Run(name+", "+ending, func(t *testing.T) {
				stream := join(before, last)
				for _, step := range []int{1, 3, len(stream)} {
					discardFrom(t, stream, set, step)
				}
			})
		}
	}
}

// discardFrom scans up to each place, or to a fault before it, and discards the rest in pieces.
func discardFrom(t *testing.T, stream []byte, set setup, step int) {
	t.Helper()
	for at := 0; at < len(stream); at = at*3/2 + 1 {
		var s frame.Scanner
		s.ExpectPong(set.pong)
		from, ev := 0, frame.None
		for from < at && ev != frame.Ended && ev != frame.Violation {
			var used int
			_, used, ev = s.Scan(stream[from:at], &set.rules, new(frame.Counts))
			from += used
		}
		for ; from < len(stream); from += step {
			end := min(from+step, len(stream))
			if closed := s.Discard(stream[from:end]); closed != (end == len(stream)) || closed != s.Ended() {
				t.Fatalf("scanned to %d, discarded to %d of %d in steps of %d: closed %v", at, end, len(stream), step, closed)
			}
		}
	}
}

// TestBeforeClose leaves out the close frame's head, wherever the stream is cut, and no byte before it.
func TestBeforeClose(t *testing.T) {
	for name, c := range map[string]struct {
		set  setup
		make func(b0 byte, payload string) []byte
	}{"masked": {client, masked}, "unmasked": {backend, raw}} {
		for _, reason := range []string{"", "\x03\xe8", "\x0f\xa1bye"} {
			before := join(c.make(0x81, "a"), c.make(0x02, strings.Repeat("x", 200)), c.make(0x80, ""))
			stream := join(before, c.make(0x88, reason))
			for at := range stream {
				var s frame.Scanner
				var passed []byte
				for _, b := range [][]byte{stream[:at], stream[at:]} {
					for ev := frame.Boundary; ev != frame.None && ev != frame.Close; {
						var pass, used int
						pass, used, ev = s.Scan(b, &c.set.rules, new(frame.Counts))
						if head := b[:pass]; ev == frame.Close {
							head = s.BeforeClose(head, &c.set.rules)
							passed = append(append(passed, s.Held()...), head...)
							if string(passed) != string(before) {
								t.Fatalf("%s %q cut at %d: passed %x, want %x", name, reason, at, passed, before)
							}
						} else {
							passed = append(append(passed, s.Held()...), head...)
						}
						b = b[used:]
					}
					if s.CloseCode() != 0 {
						break
					}
				}
				if s.CloseCode() == 0 {
					t.Fatalf("%s %q cut at %d: no close", name, reason, at)
				}
			}
		}
	}
}
