package json

import (
	"encoding/binary"
	"math/bits"
)

// MaxDepth is how many arrays and objects may stand inside one another.
const MaxDepth = 512

// Checker checks one message. The zero value is ready to use. It belongs to one goroutine.
type Checker struct {
	offset int64
	state  state
	depth  uint16
	object [MaxDepth / 64]uint64 // a bit for each level: an object, not an array
}

// Reset makes it ready for another message.
func (c *Checker) Reset() { c.offset, c.state, c.depth = 0, value, 0 }

// Write checks the next piece of the message, which may end anywhere. The error is an [*Error]; the message can then
// only be given up, and so says every later call until Reset.
func (c *Checker) Write(b []byte) error {
	s := c.state
	for i := 0; i < len(b); i++ {
		to := next[s][b[i]]
		switch {
		case to < inString:
			s = to
		case to < states:
			s = to
			i += plain(b[i+1:])
		case to == endValue:
			s = c.after()
		case to == endNumber:
			s = c.after()
			i-- // this byte is the first behind the number
		case to == closing:
			c.depth--
			s = c.after()
		case to == bad:
			c.state = broken
			return malformed(c.offset+int64(i), b[i], s)
		case c.depth == MaxDepth:
			c.state = broken
			return tooDeep(c.offset + int64(i))
		default:
			s = c.open(to == openObject)
		}
	}
	c.state = s
	c.offset += int64(len(b))
	return nil
}

// Close tells whether what was written is a whole text. The error is an [*Error].
func (c *Checker) Close() error {
	s := c.state
	if c.depth == 0 && next[s][' '] == endNumber {
		s = afterText // only its end ends a number that stands alone
	}
	if s != afterText {
		c.state = broken
		return unfinished(c.offset, s)
	}
	return nil
}

// open goes one level deeper.
func (c *Checker) open(object bool) state {
	word, bit := &c.object[c.depth/64], uint64(1)<<(c.depth%64)
	c.depth++
	if object {
		*word |= bit
		return firstName
	}
	*word &^= bit
	return firstElement
}

// after is the state behind a value.
func (c *Checker) after() state {
	if c.depth == 0 {
		return afterText
	}
	if top := c.depth - 1; c.object[top/64]>>(top%64)&1 != 0 {
		return afterMember
	}
	return afterElement
}

// plain is how many bytes come before the first quote, backslash or control character.
func plain(b []byte) (n int) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, slash := x^ones*'"', x^ones*'\\'
		// In each term a byte's high bit is set if it is what is looked for. A borrow can set some above the lowest
		// one, never below it.
		found := (quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x
		if found &= highs; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for n < len(b) && b[n] != '"' && b[n] != '\\' && b[n] >= ' ' {
		n++
	}
	return n
}
