package frame_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// messageLen is MessageLen, slowly, by the library's parser.
func messageLen(b []byte) int {
	in := bytes.NewReader(b)
	for first := true; ; first = false {
		h, err := ws.ReadHeader(in)
		if err != nil || h.OpCode == ws.OpClose || h.Length > int64(in.Len()) {
			return 0
		}
		_, _ = in.Seek(h.Length, 1)
		if h.Fin && (first || !h.OpCode.IsControl()) {
			return len(b) - in.Len()
		}
	}
}

// messages makes sound frames: messages in any number of them, control frames between, now and then a close frame.
func messages(random *rand.Rand, masks bool) (b []byte) {
	put := func(op ws.OpCode, fin bool, n int) {
		f := ws.NewFrame(op, fin, make([]byte, n))
		for i := range f.Payload {
			f.Payload[i] = byte(random.Uint32())
		}
		if op == ws.OpClose {
			f.Payload = closeBody(1000, "")
		}
		if masks {
			var key [4]byte
			binary.NativeEndian.PutUint32(key[:], random.Uint32())
			f = ws.MaskFrameInPlaceWith(f, key)
		}
		b = append(b, ws.MustCompileFrame(f)...)
	}
	sizes := []int{0, 1, 7, 125, 126, 127, 300, 65535, 65536}
	for range 1 + random.IntN(4) {
		for random.IntN(3) == 0 {
			put(ws.OpPing, true, random.IntN(126))
		}
		if random.IntN(20) == 0 {
			put(ws.OpClose, true, 0)
		}
		op := []ws.OpCode{ws.OpText, ws.OpBinary}[random.IntN(2)]
		for range random.IntN(4) {
			put(op, false, sizes[random.IntN(7)])
			op = ws.OpContinuation
			if random.IntN(3) == 0 {
				put(ws.OpPong, true, random.IntN(126))
			}
		}
		put(op, true, sizes[random.IntN(len(sizes))])
	}
	return b
}

func TestMessageLen(t *testing.T) {
	random := rand.New(rand.NewPCG(6455, 5))
	for round := range 300 {
		b := messages(random, round%2 == 0)
		ends := []int{len(b)}
		for range 40 {
			ends = append(ends, random.IntN(len(b)+1))
		}
		for end := range min(len(b), 300) {
			ends = append(ends, end)
		}
		for _, end := range ends {
			if got, want := frame.MessageLen(b[:end]), messageLen(b[:end]); got != want {
				t.Fatalf("round %d: the first %d bytes of %d: %d, want %d", round, end, len(b), got, want)
			}
		}
	}
}

// FuzzMessageLen gives it anything: it must neither read beyond the end nor find more than there is.
func FuzzMessageLen(f *testing.F) {
	for _, seed := range []string{"", "\x81", "\x81\x00", "\x01\x00\x89\x01p\x80\x01x", "\x88\x00", "\x8a\x00\x81\x00", "\x01\x00\x88\x00",
		"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "\x82\xfe\x00\x7e\x01\x02\x03\x04"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n := frame.MessageLen(b)
		if n < 0 || n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		if n > 0 && frame.MessageLen(b[:n]) != n {
			t.Fatalf("%d bytes are a message only with what follows", n)
		}
		for i := range n {
			if frame.MessageLen(b[:i]) != 0 {
				t.Fatalf("%d bytes of %d are a message", i, n)
			}
		}
	})
}

// TestBegins reads heads of every length, masked or not, however much of them came before.
func TestBegins(t *testing.T) {
	for _, length := range []int{0, 1, 125, 126, 65535, 65536} {
		for _, masks := range []bool{true, false} {
			for _, op := range []ws.OpCode{ws.OpText, ws.OpBinary} {
				for _, last := range []bool{true, false} {
					for _, compressed := range []bool{true, false} {
						f := ws.NewFrame(op, last, make([]byte, length))
						f.Header.Rsv = ws.Rsv(compressed, false, false)
						if masks {
							f = ws.MaskFrameWith(f, key)
						}
						b := ws.MustCompileFrame(f)
						want := frame.Head{Length: uint64(length), Op: op, Compressed: compressed, Last: last}
						for cut := range ws.HeaderSize(f.Header) {
							beginsAt(t, b, cut, &frame.Rules{Masked: masks, Announce: true}, want)
						}
					}
				}
			}
		}
	}
}

// beginsAt scans b in two pieces up to its announcement.
func beginsAt(t *testing.T, b []byte, cut int, r *frame.Rules, want frame.Head) {
	t.Helper()
	var s frame.Scanner
	var c frame.Counts
	s.AllowRSV1(true)
	if pass, used, ev := s.Scan(b[:cut], r, &c); pass != 0 || used != cut || ev != frame.None {
		t.Fatalf("%+v, cut at %d: pass %d, used %d, event %d", want, cut, pass, used, ev)
	}
	if pass, used, ev := s.Scan(b[cut:], r, &c); pass != 0 || used != 0 || ev != frame.Start {
		t.Fatalf("%+v, cut at %d: pass %d, used %d, event %d", want, cut, pass, used, ev)
	}
	if got := s.Begins(b[cut:]); got != want {
		t.Fatalf("cut at %d: %+v, want %+v", cut, got, want)
	}
	if c != (frame.Counts{}) {
		t.Fatalf("counted before it was admitted: %+v", c)
	}
}

// TestAdmit walks random messages, each of which passes or is set aside as a coin says, in random pieces: what passes
// and what is set aside is what the library reads, and both together are all.
func TestAdmit(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 11))
		masks := seed%2 == 0
		stream := messages(random, masks)
		coin := func(i int) bool { return (seed>>1+uint64(i)*2654435761)>>7&1 == 0 }
		wantPassed, wantAside := admitted(t, stream, coin)
		var s frame.Scanner
		var c frame.Counts
		var passed, aside []byte
		r := &frame.Rules{Masked: masks, Announce: true}
		for starts, ended, rest := 0, false, stream; len(rest) > 0 && !ended; {
			n := 1 + random.IntN(min(len(rest), 1+random.IntN(5000)))
			b := slices.Clone(rest[:n])
			rest = rest[n:]
			for more := true; more; {
				pass, used, ev := s.Scan(b, r, &c)
				passed = append(append(passed, s.Held()...), b[:pass]...)
				if ev == frame.Aside {
					s.Unmask(b[pass:used])
					aside = append(aside, b[pass:used]...)
				}
				if b = b[used:]; ev == frame.Start {
					pass, used, ev = s.Admit(b, r, &c, coin(starts))
					passed = append(append(passed, s.Held()...), b[:pass]...)
					b, starts = b[used:], starts+1
					if ev == frame.None {
						ev = frame.Boundary // go on
					}
				}
				if ev == frame.Violation {
					t.Fatal(seed, s.Err())
				}
				more, ended = ev != frame.None && ev != frame.Ended, ev == frame.Ended
			}
		}
		if !bytes.Equal(passed, wantPassed) || !bytes.Equal(aside, wantAside) {
			t.Fatalf("seed %d: %d bytes passed, want %d; %d set aside, want %d", seed, len(passed), len(wantPassed), len(aside), len(wantAside))
		}
	}
}

// admitted is what passes of a stream, in frames, and what does not, as payload without masks.
func admitted(t *testing.T, stream []byte, away func(message int) bool) (passed, aside []byte) {
	t.Helper()
	message, drop := -1, false
	for in := bytes.NewReader(stream); in.Len() > 0; {
		at := len(stream) - in.Len()
		f, err := ws.ReadFrame(in)
		if err != nil {
			t.Fatal(err)
		}
		if op := f.Header.OpCode; op == ws.OpText || op == ws.OpBinary {
			message++
			drop = away(message)
		}
		if f.Header.OpCode.IsData() && drop {
			if f.Header.Masked {
				f = ws.UnmaskFrameInPlace(f)
			}
			aside = append(aside, f.Payload...)
			continue
		}
		passed = append(passed, stream[at:len(stream)-in.Len()]...)
		if f.Header.OpCode == ws.OpClose {
			break
		}
	}
	return passed, aside
}
