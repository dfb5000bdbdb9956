package frame_test

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// rawFrame is a frame with any first byte, valid or not.
func rawFrame(b0 byte, payload []byte, key *[4]byte) []byte {
	f := frame.AppendFrame(nil, ws.OpBinary, payload, key)
	f[0] = b0
	return f
}

// closeBody is a close frame's payload.
func closeBody(code uint16, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, code), reason...)
}

// generator makes streams that are mostly valid, in which everything that matters happens often.
type generator struct {
	*rand.Rand
	set       setup
	inMessage bool
	compress  bool
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 7))}
	limits := []uint64{0, 0, 0, 20, 125, 126, 130, 300}
	g.set = setup{
		rules: frame.Rules{
			Masked:       g.IntN(2) == 0,
			MaxFrame:     limits[g.IntN(len(limits))],
			MaxMessage:   limits[g.IntN(len(limits))],
			ValidateUTF8: g.IntN(2) == 0,
		},
		rsv1: g.IntN(2) == 0,
		pong: g.IntN(2) == 0,
	}
	return g
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// stream is up to a dozen frames, perhaps with one bit turned, perhaps cut short.
func (g *generator) stream() (b []byte) {
	for range 1 + g.IntN(12) {
		f := g.frame()
		if g.chance(5) {
			f[g.IntN(min(len(f), 4))] ^= 1 << g.IntN(8)
		}
		b = append(b, f...)
	}
	if g.chance(25) {
		b = b[:g.IntN(len(b))]
	}
	return b
}

func (g *generator) frame() []byte {
	var key *[4]byte
	if g.set.rules.Masked {
		key = new([4]byte)
		binary.NativeEndian.PutUint32(key[:], g.Uint32())
	}
	if g.chance(35) {
		return g.control(key)
	}
	b0, op := byte(0), byte(0)
	if !g.inMessage {
		op = 1 + byte(g.IntN(2))
		if g.set.rsv1 && g.chance(30) {
			b0 = 0x40
		}
	}
	if g.inMessage = g.chance(50); !g.inMessage {
		b0 |= 0x80
	}
	return rawFrame(b0|op, g.payload(), key)
}

func (g *generator) control(key *[4]byte) []byte {
	switch g.IntN(8) {
	case 0:
		codes := []uint16{1000, 1001, 1005, 1014, 3000, 4999, 5000, 2000}
		body := closeBody(codes[g.IntN(len(codes))], string(g.payload()[:g.IntN(10)]))
		return rawFrame(0x88, body[:[]int{0, 2, len(body), len(body)}[g.IntN(4)]], key)
	case 1, 2:
		return rawFrame(0x89, g.payload()[:g.IntN(10)], key)
	case 3:
		return rawFrame(0x8a, g.payload()[:g.IntN(10)], key)
	default:
		return rawFrame(0x8a, g.payload()[:8], key)
	}
}

// payload is at least 10 bytes of text, mostly well-formed, now and then cut inside a character.
func (g *generator) payload() (p []byte) {
	words := []string{"plain words of seven bits ", "żółw ", "日本語", "🐢", "\u07ff\u0800\uffff\U00010000\U0010ffff"}
	for n := 10 + g.IntN(30); len(p) < n; {
		p = append(p, words[g.IntN(len(words))]...)
		if g.chance(2) {
			p = append(p, byte(g.Uint32()))
		}
	}
	if g.chance(5) {
		for len(p) < 126 {
			p = append(p, p...)
		}
	}
	if g.chance(15) && len(p) > 11 {
		p = p[:len(p)-1]
	}
	return p
}
