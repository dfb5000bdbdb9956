package frame_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// TestCutOff cuts random frames at any byte: what passes behind that is the frames of messages that begin later, and whole
// control frames.
func TestCutOff(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for round := range 20_000 {
		type piece struct {
			bytes   []byte
			message int // -1: a control frame
		}
		var pieces []piece
		var all []byte
		add := func(op ws.OpCode, last bool, message int) {
			f := ws.MaskFrame(ws.NewFrame(op, last, make([]byte, r.IntN(200))))
			if op.IsControl() {
				f = ws.MaskFrame(ws.NewFrame(op, true, make([]byte, r.IntN(100))))
			}
			var b bytes.Buffer
			_ = ws.WriteFrame(&b, f)
			pieces = append(pieces, piece{b.Bytes(), message})
			all = append(all, b.Bytes()...)
		}
		for message := range 4 {
			parts := 1 + r.IntN(3)
			for i := range parts {
				op := ws.OpContinuation
				if i == 0 {
					op = ws.OpText
				}
				add(op, i == parts-1, message)
				if r.IntN(3) == 0 {
					add(ws.OpPing, true, -1)
				}
			}
		}
		cut := r.IntN(len(all) + 1)
		rules := &frame.Rules{Masked: true, ValidateUTF8: round%2 == 0, Announce: false}
		var s frame.Scanner
		var counts frame.Counts
		walk := func(b []byte) (passed []byte) {
			for {
				pass, used, ev := s.Scan(b, rules, &counts)
				passed = append(append(passed, s.Held()...), b[:pass]...)
				if ev == frame.Violation {
					t.Fatal(s.Err())
				}
				if b = b[used:]; ev == frame.None && len(b) == 0 {
					return passed
				}
			}
		}
		before := walk(all[:cut])
		s.CutOff()
		after := walk(all[cut:])

		// Of what was cut nothing more may come: the message that the passed bytes had begun.
		at, begun := 0, -1
		var want []byte
		for _, p := range pieces {
			start, end := at, at+len(p.bytes)
			at = end
			switch {
			case start < len(before): // it has passed, at least in part
				if p.message >= 0 {
					begun = p.message
				}
			case p.message < 0 || p.message != begun:
				want = append(want, p.bytes...)
			}
		}
		if !bytes.Equal(after, want) {
			t.Fatalf("round %d, cut at %d of %d, %d passed: then %d bytes, want %d", round, cut, len(all), len(before), len(after), len(want))
		}
		if !s.Between() {
			t.Fatalf("round %d: it does not stand between two messages", round)
		}
	}
}

// TestCutOffInsideACharacter: what is cut off is no part of the text that follows.
func TestCutOffInsideACharacter(t *testing.T) {
	rules := &frame.Rules{ValidateUTF8: true}
	for name, rest := range map[string][][]byte{
		"a frame":      {{0x82}},
		"an empty end": {{0x80, 0}},
	} {
		first := []byte{0x81, 2, 0xc3}
		if name != "a frame" {
			first = []byte{0x01, 1, 0xc3}
		}
		var s frame.Scanner
		var counts frame.Counts
		s.Scan(first, rules, &counts)
		if !s.CutOff() {
			t.Error("nothing was cut off")
		}
		text := []byte("\x81\x02ok")
		var passed []byte
		for b := append(rest[0], text...); len(b) > 0; {
			pass, used, ev := s.Scan(b, rules, &counts)
			if ev == frame.Violation {
				t.Fatalf("%s: %v", name, s.Err())
			}
			passed = append(append(passed, s.Held()...), b[:pass]...)
			b = b[used:]
		}
		if !bytes.Equal(passed, text) {
			t.Errorf("%s: %q passed", name, passed)
		}
	}
}
