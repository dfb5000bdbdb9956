package frame

import (
	"encoding/binary"
	"math/bits"
)

// States of the UTF-8 automaton (the well-formed byte sequences of RFC 3629 section 4), named by what
// may follow. Each is a multiple of 6, its place in the words of textNext.
const (
	textWhole = 6 * iota // between two characters
	textBad
	textTail1 // one byte 80..BF to come
	textTail2
	textTail3
	textAfterE0 // A0..BF, or the character would have been shorter
	textAfterED // 80..9F, or it would be a surrogate
	textAfterF0 // 90..BF, or it would have been shorter
	textAfterF4 // 80..8F, or it would be above U+10FFFF
)

const textStateBits = 1<<6 - 1

// textNext holds for each byte the state that follows each state: textNext[b]>>state, of which the low
// six bits count. A step is so one load and one shift, with no branch.
var textNext = func() (next [256]uint64) {
	for b := range next {
		for state := textWhole; state <= textAfterF4; state += 6 {
			next[b] |= textBad << state
		}
	}
	for _, t := range []struct{ state, low, high, next int }{
		{textWhole, 0x00, 0x7f, textWhole},
		{textWhole, 0xc2, 0xdf, textTail1},
		{textWhole, 0xe0, 0xe0, textAfterE0},
		{textWhole, 0xe1, 0xec, textTail2},
		{textWhole, 0xed, 0xed, textAfterED},
		{textWhole, 0xee, 0xef, textTail2},
		{textWhole, 0xf0, 0xf0, textAfterF0},
		{textWhole, 0xf1, 0xf3, textTail3},
		{textWhole, 0xf4, 0xf4, textAfterF4},
		{textTail1, 0x80, 0xbf, textWhole},
		{textTail2, 0x80, 0xbf, textTail1},
		{textTail3, 0x80, 0xbf, textTail2},
		{textAfterE0, 0xa0, 0xbf, textTail1},
		{textAfterED, 0x80, 0x9f, textTail1},
		{textAfterF0, 0x90, 0xbf, textTail2},
		{textAfterF4, 0x80, 0x8f, textTail2},
	} {
		for b := t.low; b <= t.high; b++ {
			next[b] ^= uint64(textBad^t.next) << t.state
		}
	}
	return next
}()

// validateUTF8 goes on in state through p, which is masked with key from the key's place pos on (a zero
// key: not masked) and is not changed. It returns the state behind the n good bytes; n < len(p) means
// that p[n] cannot stand there.
func validateUTF8(state uint8, p []byte, key [4]byte, pos uint8) (after uint8, n int) {
	const highBits = 0x8080808080808080
	k := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*int(pos&3))
	k8 := uint64(k)<<32 | uint64(k)
	good := uint64(state)
	for ; len(p)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(p[n:]) ^ k8
		if x&highBits == 0 && good == textWhole {
			continue
		}
		next := good
		for range 8 {
			next = textNext[byte(x)] >> (next & textStateBits)
			x >>= 8
		}
		if next &= textStateBits; next == textBad {
			break // somewhere in these eight; the steps below find where
		}
		good = next
	}
	for ; n < len(p); n++ {
		next := textNext[p[n]^byte(k)] >> good & textStateBits
		if next == textBad {
			break
		}
		good, k = next, bits.RotateLeft32(k, -8)
	}
	return uint8(good), n
}
