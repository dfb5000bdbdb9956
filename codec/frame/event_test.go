package frame_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

func TestWantBoundary(t *testing.T) {
	big := masked(0x02, strings.Repeat("x", 1000))
	var s frame.Scanner
	var c frame.Counts
	scan := func(b []byte, wantPass, wantUsed int, want frame.Event) {
		t.Helper()
		if pass, used, ev := s.Scan(b, &client.rules, &c); pass != wantPass || used != wantUsed || ev != want {
			t.Fatalf("pass %d, used %d, event %d; want %d, %d, %d", pass, used, ev, wantPass, wantUsed, want)
		}
	}
	state := func(boundary, inMessage bool) {
		t.Helper()
		if s.AtBoundary() != boundary || s.InMessage() != inMessage {
			t.Fatalf("AtBoundary %v, InMessage %v; want %v, %v", s.AtBoundary(), s.InMessage(), boundary, inMessage)
		}
	}
	state(true, false)
	s.WantBoundary()
	scan(nil, 0, 0, frame.Boundary) // at once, and only once
	scan(big[:500], 500, 500, frame.None)
	state(false, true)
	s.WantBoundary()
	scan(big[500:900], 400, 400, frame.None)
	tail := join(big[900:], masked(0x80, "end"))
	scan(tail, len(big)-900, len(big)-900, frame.Boundary)
	state(true, true) // between two fragments
	rest := tail[len(big)-900:]
	scan(rest[:3], 0, 3, frame.None)
	if s.Buffered() != 3 {
		t.Fatalf("%d bytes kept", s.Buffered())
	}
	state(true, true) // nothing of the header has been passed
	s.WantBoundary()
	scan(rest[3:], 0, 0, frame.Boundary)
	scan(rest[3:], len(rest)-3, len(rest)-3, frame.None)
	if !bytes.Equal(s.Held(), rest[:3]) {
		t.Fatalf("held %x", s.Held())
	}
	state(true, false)
	s.WantBoundary()
	small := join(masked(0x81, "a"), masked(0x81, "b"))
	scan(small, 0, 0, frame.Boundary)
	scan(small, 14, 14, frame.None)
	if c != (frame.Counts{Frames: 4, Messages: 3, Parts: 1}) {
		t.Fatalf("%+v", c)
	}
}

// Our own pong is swallowed and someone else's can be passed on, wherever the stream is cut and inside a
// fragmented message too.
func TestPong(t *testing.T) {
	for name, c := range map[string]struct {
		set  setup
		make func(b0 byte, payload string) []byte
	}{"masked": {client, masked}, "unmasked": {backend, raw}} {
		t.Run(name, func(t *testing.T) {
			set := c.set
			set.pong = true
			before, after := c.make(0x01, "first"), join(c.make(0x8a, "seven.."), c.make(0x8a, ""), c.make(0x80, "last"))
			own, foreign := c.make(0x8a, "ours ...."[:8]), c.make(0x8a, "theirs..")
			stream := join(before, own, foreign, after)
			checkSplits(t, stream, set)
			o := walk(t, [][]byte{stream}, set, nil)
			if !bytes.Equal(o.passed, join(before, after)) || len(o.log) != 2 {
				t.Errorf("passed %x, log %q", o.passed, o.log)
			}
			if want := (frame.Counts{Frames: 6, Messages: 1, Controls: 4, Parts: 1}); o.counts != want {
				t.Errorf("counts %+v, want %+v", o.counts, want)
			}
			set.pong = false
			if o := walk(t, [][]byte{stream}, set, nil); !bytes.Equal(o.passed, stream) || len(o.log) != 0 {
				t.Errorf("not expected, but: passed %x, log %q", o.passed, o.log)
			}
		})
	}
}

// ExpectPong may be switched while a pong is coming in; no byte is lost.
func TestExpectPongSwitchedMidway(t *testing.T) {
	pong, ping := masked(0x8a, "12345678"), masked(0x89, "")
	for cut := range len(pong) {
		for _, first := range []bool{true, false} {
			var s frame.Scanner
			var c frame.Counts
			var passed []byte
			s.ExpectPong(first)
			for i, b := range [][]byte{pong[:cut], join(pong[cut:], ping)} {
				if i == 1 {
					s.ExpectPong(!first)
				}
				for {
					pass, used, ev := s.Scan(b, &client.rules, &c)
					passed = append(append(passed, s.Held()...), b[:pass]...)
					if ev == frame.Pong {
						passed = append(passed, s.Frame()...)
					} else if ev != frame.None {
						t.Fatalf("event %d", ev)
					} else {
						break
					}
					b = b[used:]
				}
			}
			if want := join(pong, ping); !bytes.Equal(passed, want) || c.Controls != 2 {
				t.Fatalf("cut at %d, first %v: %x, want %x; %+v", cut, first, passed, want, c)
			}
		}
	}
}

func TestClose(t *testing.T) {
	reason := raw(0x88, string(closeBody(4000, "reason")))
	for _, c := range []struct {
		name   string
		set    setup
		close  []byte
		lead   int
		code   ws.StatusCode
		reason int
	}{
		{"no code", backend, raw(0x88, ""), 2, 1005, 0},
		{"masked, no code", client, masked(0x88, ""), 6, 1005, 0},
		{"code", backend, raw(0x88, string(closeBody(1000, ""))), 4, 1000, 0},
		{"code and reason", backend, reason, 4, 4000, 6},
		{"masked, checked, code and reason", setup{rules: frame.Rules{Masked: true, ValidateUTF8: true}},
			masked(0x88, string(closeBody(1001, "going äwäy"))), 8, 1001, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun := raw(0x01, "a")
			if c.set.rules.Masked {
				begun = masked(0x01, "a")
			}
			stream := join(begun, c.close, raw(0x81, "dropped"))
			checkSplits(t, stream, c.set)

			var s frame.Scanner
			pass, used, ev := s.Scan(stream, &c.set.rules, new(frame.Counts))
			if pass != len(begun)+c.lead || used != pass || ev != frame.Close || s.CloseCode() != c.code {
				t.Fatalf("pass %d, used %d, event %d, code %d", pass, used, ev, s.CloseCode())
			}
			pass, used, ev = s.Scan(stream[used:], &c.set.rules, new(frame.Counts))
			if pass != c.reason || used != c.reason+9 || ev != frame.Ended || !s.AtBoundary() {
				t.Fatalf("pass %d, used %d, event %d", pass, used, ev)
			}
		})
	}
}

func TestCopiedScannerGoesOnAlone(t *testing.T) {
	stream := join(masked(0x01, strings.Repeat("é", 100)), masked(0x80, "ü"))
	set := setup{rules: frame.Rules{Masked: true, ValidateUTF8: true}}
	for cut := range stream {
		var a frame.Scanner
		a.Scan(stream[:cut], &set.rules, new(frame.Counts))
		b := a
		for _, s := range []*frame.Scanner{&a, &b} {
			var c frame.Counts
			_, used, ev := s.Scan(stream[cut:], &set.rules, &c)
			if used != len(stream)-cut || ev != frame.None || c.Messages != 1 {
				t.Fatalf("cut at %d: used %d, event %d, %+v", cut, used, ev, c)
			}
		}
	}
}

func TestViolationsAreNamedOnce(t *testing.T) {
	var names []string
	for _, v := range frame.Violations() {
		names = append(names, v.Reason)
	}
	slices.Sort(names)
	if n := len(names); n != len(slices.Compact(names)) {
		t.Error("two violations share a reason")
	}
}
