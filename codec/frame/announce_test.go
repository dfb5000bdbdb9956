package frame_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// announced walks b in pieces cut at the given places, and sets every message aside whose first frame says "drop".
func announced(t *testing.T, b []byte, cuts []int, r *frame.Rules) (passed, aside []byte, starts int, counts frame.Counts) {
	t.Helper()
	var s frame.Scanner
	seen := 0
	for _, end := range append(cuts, len(b)) {
		piece := bytes.Clone(b[seen:end])
		base := seen
		seen = end
		for {
			pass, used, ev := s.Scan(piece, r, &counts)
			passed = append(append(passed, s.Held()...), piece[:pass]...)
			if ev == frame.Aside {
				s.Unmask(piece[pass:used])
				aside = append(aside, piece[pass:used]...)
				if !s.SetsAside() {
					aside = append(aside, '|')
				}
			}
			piece = piece[used:]
			base += used
			if ev == frame.Skipped && !s.SetsAside() {
				aside = append(aside, '|')
			}
			if ev == frame.Start {
				starts++
				if h, _ := ws.ReadHeader(bytes.NewReader(b[base-s.Buffered():])); s.Begins(piece) != (frame.Head{Length: uint64(h.Length), Op: h.OpCode, Last: h.Fin}) {
					t.Fatalf("%+v begins, want %+v", s.Begins(piece), h)
				}
				drop := bytes.HasPrefix(payloadAt(b, base-s.Buffered()), []byte("drop"))
				pass, used, ev = s.Admit(piece, r, &counts, drop)
				passed = append(append(passed, s.Held()...), piece[:pass]...)
				piece = piece[used:]
				base += used
				if drop && !s.SetsAside() {
					aside = append(aside, '|')
				}
			}
			if ev == frame.Violation {
				t.Fatal(s.Err())
			}
			if ev == frame.Ended || ev == frame.None && len(piece) == 0 {
				break
			}
		}
	}
	return passed, aside, starts, counts
}

// payloadAt is what follows the header that stands at the place in b, unmasked.
func payloadAt(b []byte, at int) []byte {
	h, err := ws.ReadHeader(bytes.NewReader(b[at:]))
	if err != nil {
		return nil
	}
	from := at + ws.HeaderSize(h)
	p := bytes.Clone(b[from : from+int(h.Length)])
	if h.Masked {
		ws.Cipher(p, h.Mask, 0)
	}
	return p
}

// A message that is set aside comes whole, with nothing of it passed and all else passed, however the bytes are split.
func TestAnnounce(t *testing.T) {
	mask := [4]byte{1, 2, 3, 4}
	put := func(b *bytes.Buffer, op ws.OpCode, fin bool, payload string) {
		f := ws.NewFrame(op, fin, []byte(payload))
		if err := ws.WriteFrame(b, ws.MaskFrameWith(f, mask)); err != nil {
			t.Fatal(err)
		}
	}
	var dropped bytes.Buffer
	both := func(keep bool, all, kept *bytes.Buffer, op ws.OpCode, fin bool, payload string) {
		put(all, op, fin, payload)
		if keep {
			put(kept, op, fin, payload)
		} else if dropped.WriteString(payload); fin {
			dropped.WriteByte('|')
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		var all, kept bytes.Buffer
		dropped.Reset()
		messages, keptMessages := 0, uint64(0)
		for range 1 + random.IntN(6) {
			keep, text := random.IntN(2) == 0, "drop"
			if keep {
				text = "keep"
				keptMessages++
			}
			messages++
			if random.IntN(2) == 0 {
				both(keep, &all, &kept, ws.OpText, true, text+strings.Repeat("a", random.IntN(300)))
			} else {
				both(keep, &all, &kept, ws.OpBinary, false, text)
				both(true, &all, &kept, ws.OpPing, true, "between")
				for range random.IntN(3) {
					both(keep, &all, &kept, ws.OpContinuation, false, strings.Repeat("b", random.IntN(200)))
				}
				both(keep, &all, &kept, ws.OpContinuation, true, "")
			}
		}
		both(true, &all, &kept, ws.OpClose, true, "\x03\xe8")
		r := &frame.Rules{Masked: true, Announce: true, ValidateUTF8: round%2 == 0}
		var every []int
		for i := 1; i < all.Len(); i++ {
			every = append(every, i)
		}
		for _, cuts := range [][]int{nil, every, {random.IntN(all.Len())}, {all.Len() / 2}} {
			got, aside, starts, counts := announced(t, all.Bytes(), cuts, r)
			if !bytes.Equal(aside, dropped.Bytes()) {
				t.Fatalf("round %d, %d cuts: set aside %q, want %q", round, len(cuts), aside, dropped.Bytes())
			}
			if !bytes.Equal(got, kept.Bytes()) || starts != messages || counts.Messages != keptMessages {
				t.Fatalf("round %d, %d cuts: %d bytes passed, want %d; %d starts, want %d; %d messages, want %d",
					round, len(cuts), len(got), kept.Len(), starts, messages, counts.Messages, keptMessages)
			}
		}
	}
}

func TestOnly(t *testing.T) {
	for _, c := range []struct {
		only, sent ws.OpCode
		good       bool
	}{{ws.OpText, ws.OpText, true}, {ws.OpText, ws.OpBinary, false}, {ws.OpBinary, ws.OpBinary, true}, {ws.OpBinary, ws.OpText, false},
		{ws.OpText, ws.OpPing, true}} {
		var s frame.Scanner
		var counts frame.Counts
		b := ws.MustCompileFrame(ws.NewFrame(c.sent, true, []byte("x")))
		_, _, ev := s.Scan(b, &frame.Rules{Only: c.only}, &counts)
		if good := ev != frame.Violation; good != c.good || !good && s.Err().Code != ws.StatusUnsupportedData {
			t.Errorf("only %v: %v passes is %v", c.only, c.sent, good)
		}
	}
}

// Small messages pass without a Start as far as was allowed before; compressed, fragmented and longer ones never do.
func TestUnannounced(t *testing.T) {
	rules := &frame.Rules{Announce: true}
	small := ws.MustCompileFrame(ws.NewFrame(ws.OpText, true, []byte("small")))
	part := ws.MustCompileFrame(ws.NewFrame(ws.OpText, false, []byte("part")))
	long := ws.MustCompileFrame(ws.NewFrame(ws.OpText, true, make([]byte, 126)))
	packed := bytes.Clone(small)
	packed[0] |= 0x40
	for _, c := range []struct {
		name    string
		b       []byte
		allowed uint64
		pass    int
		left    uint64
	}{
		{"none allowed", small, 0, 0, 0},
		{"as many as there are", bytes.Repeat(small, 3), 3, 3 * len(small), 0},
		{"more than there are", bytes.Repeat(small, 3), 9, 3 * len(small), 6},
		{"fewer than there are", bytes.Repeat(small, 3), 2, 2 * len(small), 0},
		{"a fragment", append(bytes.Clone(small), part...), 9, len(small), 8},
		{"a long one", append(bytes.Clone(small), long...), 9, len(small), 8},
		{"a compressed one", append(bytes.Clone(small), packed...), 9, len(small), 8},
	} {
		var s frame.Scanner
		s.AllowRSV1(true)
		counts := frame.Counts{Unannounced: c.allowed}
		pass, used, ev := s.Scan(c.b, rules, &counts)
		want := frame.Start
		if c.pass == len(c.b) {
			want = frame.None
		}
		if pass != c.pass || used != pass || ev != want || counts.Unannounced != c.left || counts.Messages != c.allowed-c.left {
			t.Errorf("%s: %d of %d bytes pass, event %d, %+v", c.name, pass, len(c.b), ev, counts)
		}
	}
}
