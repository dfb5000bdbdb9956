package deflate_test

import "errors"

// inflated is what a plain reading of RFC 1951 makes of a payload with its tail put back, bit by bit.
type inflated struct {
	out      []byte
	farthest int // the largest distance of a match
}

var errReference = errors.New("corrupt")

// referenceInflate stops with an error where the data are corrupt, end inside a block, or make more than limit bytes.
func referenceInflate(payload []byte, limit int) (in inflated, err error) {
	defer func() {
		if recover() != nil { // the bits have run out, or a code or a distance is none
			err = errReference
		}
	}()
	if len(payload) == 0 {
		return in, nil
	}
	r := bits{b: append(append([]byte(nil), payload...), 0, 0, 0xff, 0xff)}
	start := 0 // of the stream that the last final block began
	for r.n < 8*len(r.b) {
		final, kind := r.take(1), r.take(2)
		switch kind {
		case 0:
			r.align()
			length := r.take(16)
			if r.take(16) != length^0xffff {
				return in, errReference
			}
			for range length {
				in.out = append(in.out, byte(r.take(8)))
			}
		case 1:
			r.block(&in, start, limit, fixedLit, fixedDist)
		case 2:
			lit, dist := r.lengths()
			r.block(&in, start, limit, lit, dist)
		default:
			return in, errReference
		}
		if len(in.out) > limit {
			return in, errors.New("too large")
		}
		if final == 1 {
			r.align()
			start = len(in.out)
			if r.n == 8*len(payload) {
				return in, nil
			}
		}
	}
	return in, nil
}

type bits struct {
	b []byte
	n int
}

func (r *bits) take(n int) (v int) {
	for i := range n {
		v |= int(r.b[r.n>>3]>>(r.n&7)&1) << i
		r.n++
	}
	return v
}

func (r *bits) align() { r.n = (r.n + 7) &^ 7 }

// code is a canonical code (section 3.2.2): how many symbols each length has, and the symbols in order.
type code struct {
	count   [16]int
	symbols []int
}

// newCode panics unless the code uses all that its bits can say, or is none or a single bit, as zlib has it.
func newCode(lengths []int) (c code) {
	used, longest := 0, 0
	for n := 1; n <= 15; n++ {
		for s, l := range lengths {
			if l == n {
				c.count[n]++
				c.symbols = append(c.symbols, s)
				used += 1 << (15 - n)
				longest = n
			}
		}
	}
	if used != 1<<15 && longest > 0 && !(longest == 1 && used == 1<<14) {
		panic("incomplete code")
	}
	return c
}

func (r *bits) symbol(c code) int {
	v, first, index := 0, 0, 0
	for n := 1; n <= 15; n++ {
		v = v<<1 | r.take(1)
		first <<= 1
		if v < first+c.count[n] {
			return c.symbols[index+v-first]
		}
		first += c.count[n]
		index += c.count[n]
	}
	panic("no such code")
}

// lengths reads the two codes of a dynamic block (section 3.2.7).
func (r *bits) lengths() (lit, dist code) {
	nlit, ndist, n := r.take(5)+257, r.take(5)+1, r.take(4)+4
	if nlit > 286 || ndist > 30 {
		panic("too many codes")
	}
	var meta [19]int
	for i := range n {
		meta[[...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[i]] = r.take(3)
	}
	lengths := newCode(meta[:])
	var all []int
	for len(all) < nlit+ndist {
		s, v, times := r.symbol(lengths), 0, 1
		switch s {
		case 16:
			v, times = all[len(all)-1], 3+r.take(2)
		case 17:
			times = 3 + r.take(3)
		case 18:
			times = 11 + r.take(7)
		default:
			v = s
		}
		for range times {
			all = append(all, v)
		}
	}
	if len(all) > nlit+ndist {
		panic("lengths run over")
	}
	return newCode(all[:nlit]), newCode(all[nlit:])
}

// The codes of section 3.2.6. Distances 30 and 31 have codes that must not occur.
var fixedLit, fixedDist = func() (lit, dist code) {
	var l [288 + 32]int
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		case i < 288:
			l[i] = 8
		default:
			l[i] = 5
		}
	}
	return newCode(l[:288]), newCode(l[288:])
}()

// block reads a compressed block (section 3.2.5).
func (r *bits) block(in *inflated, start, limit int, lit, dist code) {
	for len(in.out) <= limit {
		s := r.symbol(lit)
		switch {
		case s < 256:
			in.out = append(in.out, byte(s))
			continue
		case s == 256:
			return
		}
		length := 258
		if s -= 257; s < 8 {
			length = 3 + s
		} else if s < 28 {
			e := s/4 - 1
			length = 3 + (4+s%4)<<e + r.take(e)
		} else if s > 28 {
			panic("no such length")
		}
		d := r.symbol(dist)
		if d >= 30 {
			panic("no such distance")
		}
		if d >= 4 {
			e := d/2 - 1
			d = (2+d%2)<<e + r.take(e)
		}
		d++
		in.farthest = max(in.farthest, d)
		if d > len(in.out)-start {
			panic("too far back")
		}
		for range length {
			in.out = append(in.out, in.out[len(in.out)-d])
		}
	}
}
