package h2

// openData enters a DATA frame. pad holds the padding's length if there is any (RFC 9113 section 6.1).
func (r *Reader) openData(h Header, pad []byte, ev *Event) {
	r.stream, r.end = h.Stream, h.Flags.Has(FlagEndStream)
	r.left = h.Length
	if len(pad) > 0 {
		r.pad, r.owed = uint32(pad[0]), 1
		if r.pad >= h.Length {
			r.fail(ev, badPadding)
			return
		}
		r.left -= r.pad + 1
	}
	if r.left == 0 && !r.end && !r.spend(ev, dataFlood) {
		return
	}
	if r.left|r.pad == 0 {
		r.data(nil, ev)
	}
}

// data gives what b has of the frame's payload, together with the padding that follows it.
func (r *Reader) data(b []byte, ev *Event) int {
	n := min(r.left, uint32(len(b)))
	pad := min(r.pad, uint32(len(b))-n)
	r.left -= n
	r.pad -= pad
	r.budget.earn(int(n))
	ev.Kind, ev.Stream, ev.Payload = Data, r.stream, b[:n:n]
	ev.N = n + pad + r.owed
	ev.End = r.end && r.left|r.pad == 0
	r.owed = 0
	return int(n + pad)
}

// wholeData is the fast path: it finds a DATA frame that b has all of, unpadded and not empty, n bytes long. It leaves
// everything else, faults too, to frame and data.
func (r *Reader) wholeData(b []byte) (h Header, n int) {
	if r.left|r.pad|r.skip != 0 || len(r.kept) > 0 || r.block.open || !r.started || r.failed {
		return h, 0
	}
	h, n = ParseHeader(b)
	n += int(h.Length)
	if h.Type != TypeData || h.Flags&^FlagEndStream != 0 || h.Stream&1 == 0 || h.Length-1 >= r.maxFrame || n > len(b) {
		return h, 0
	}
	return h, n
}
