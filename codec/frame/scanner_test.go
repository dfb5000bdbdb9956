package frame_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"weir/codec/frame"
)

// walk gives the pieces to a Scanner one after the other, each in memory of its own that is overwritten
// afterwards, and asks for boundaries before those pieces that want says.
func walk(t testing.TB, pieces [][]byte, set setup, want func(piece int) bool) outcome {
	t.Helper()
	var s frame.Scanner
	var o outcome
	s.AllowRSV1(set.rsv1)
	s.ExpectPong(set.pong)
	for n, piece := range pieces {
		if want != nil && want(n) {
			s.WantBoundary()
		}
		if walkPiece(t, &s, piece, set, &o) {
			break
		}
	}
	o.buffered = s.Buffered()
	o.code = int(s.CloseCode())
	return o
}

// walkPiece is true once the stream has ended.
func walkPiece(t testing.TB, s *frame.Scanner, piece []byte, set setup, o *outcome) bool {
	t.Helper()
	lent := slices.Clone(piece)
	defer func() {
		if !bytes.Equal(lent, piece) {
			t.Fatal("the lent slice was changed")
		}
		for i := range lent {
			lent[i] = 0xdb
		}
	}()
	for b := lent; ; {
		pass, used, ev := s.Scan(b, &set.rules, &o.counts)
		if pass < 0 || pass > used || used > len(b) {
			t.Fatalf("pass %d, used %d of %d", pass, used, len(b))
		}
		o.passed = append(append(o.passed, s.Held()...), b[:pass]...)
		if (s.Err() != nil) != (ev == frame.Violation) {
			t.Fatalf("event %d with error %v", ev, s.Err())
		}
		switch ev {
		case frame.None:
			if used != len(b) {
				t.Fatalf("None after %d of %d bytes", used, len(b))
			}
			return false
		case frame.Boundary:
			if !s.AtBoundary() {
				t.Fatal("a boundary that is none")
			}
			o.boundaries = append(o.boundaries, len(o.passed))
		case frame.Close:
			o.event("close %d", s.CloseCode())
		case frame.Pong:
			o.event("pong %x %x", s.PongPayload(), s.Frame())
		case frame.Ended, frame.Violation:
			if ev == frame.Ended {
				o.event("ended")
			} else {
				o.event("violation %s", s.Err().Reason)
			}
			if used != len(b) && ev == frame.Ended {
				t.Fatalf("event %d left %d bytes", ev, len(b)-used)
			}
			if p, u, again := s.Scan([]byte{0x81, 0x00}, &set.rules, &o.counts); p != 0 || u != 2 || again != ev || len(s.Held()) != 0 {
				t.Fatalf("after the end: %d, %d, event %d", p, u, again)
			}
			return true
		}
		b = b[used:]
	}
}

// compare fails when got is not what the reference says of the same stream.
func compare(t testing.TB, how string, want, got outcome) {
	t.Helper()
	for _, at := range got.boundaries {
		if !slices.Contains(want.boundaries, at) {
			t.Fatalf("%s: boundary at %d, which is inside a frame; ends are %v", how, at, want.boundaries)
		}
	}
	got.boundaries, want.boundaries = nil, nil
	if !bytes.Equal(got.passed, want.passed) {
		t.Fatalf("%s: passed\n got %x\nwant %x", how, got.passed, want.passed)
	}
	got.passed, want.passed = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", how, got, want)
	}
}

// checkSplits delivers stream split in two at each place, and as checkPieces does.
func checkSplits(t testing.TB, stream []byte, set setup) {
	t.Helper()
	want := reference(stream, set)
	for i := 0; i <= len(stream); i++ {
		compare(t, fmt.Sprint("split at ", i), want, walk(t, [][]byte{stream[:i], stream[i:]}, set, nil))
	}
	checkPieces(t, stream, set)
}

// checkPieces delivers stream whole, byte by byte and in random pieces.
func checkPieces(t testing.TB, stream []byte, set setup) {
	t.Helper()
	want := reference(stream, set)
	compare(t, "whole", want, walk(t, [][]byte{stream}, set, nil))
	var bytewise [][]byte
	for i := range stream {
		bytewise = append(bytewise, stream[i:i+1])
	}
	compare(t, "bytewise", want, walk(t, bytewise, set, nil))
	r := rand.New(rand.NewPCG(uint64(len(stream)), 1))
	for range 4 {
		var pieces [][]byte
		for rest := stream; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 20))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		compare(t, "in pieces, boundaries wanted", want, walk(t, pieces, set, func(int) bool { return r.IntN(3) == 0 }))
	}
}

func TestSplitDeliveryEqualsReference(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(800) {
		g := newGenerator(seed)
		stream := g.stream()
		checkSplits(t, stream, g.set)
		for _, line := range reference(stream, g.set).log {
			var at int
			var event, name string
			fmt.Sscanf(line, "%d: %s %s", &at, &event, &name)
			if event == "violation" {
				event = name
			}
			seen[event] = true
		}
	}
	for _, event := range []string{"close", "ended", "pong", "reserved_bits", "invalid_utf8", "message_too_large", "bad_close_code"} {
		if !seen[event] {
			t.Errorf("no generated stream led to %s", event)
		}
	}
}

func TestEveryPrefix(t *testing.T) {
	for seed := range uint64(200) {
		g := newGenerator(seed)
		stream := g.stream()
		for i := range stream {
			compare(t, fmt.Sprint("prefix ", i), reference(stream[:i], g.set), walk(t, [][]byte{stream[:i]}, g.set, nil))
		}
	}
}

// A million sessions hold two each.
func TestScannerIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(frame.Scanner{}); size > 56 {
		t.Errorf("a Scanner has %d bytes", size)
	}
}

func FuzzScanner(f *testing.F) {
	for seed := range uint64(40) {
		g := newGenerator(seed)
		f.Add(g.stream(), uint8(seed*37), uint16(seed%3*120))
	}
	f.Fuzz(func(t *testing.T, stream []byte, bits uint8, limit uint16) {
		if len(stream) > 1000 {
			return
		}
		set := setup{rsv1: bits&1 != 0, pong: bits&2 != 0}
		set.rules = frame.Rules{Masked: bits&4 != 0, ValidateUTF8: bits&8 != 0}
		if bits&16 != 0 {
			set.rules.MaxFrame = uint64(limit)
		}
		if bits&32 != 0 {
			set.rules.MaxMessage = uint64(limit) * 2
		}
		checkPieces(t, stream, set)
	})
}
