package h2

import "bytes"

// maxRepeat bounds the header block that is kept to know it again, in bytes.
const maxRepeat = 512

// repeats tells that a HEADERS frame brings the whole of the last block again, so that what was found in it still
// stands: the same bytes mean the same, as long as HPACK's table is the same. Servers answer one handshake like another.
func (bl *block) repeats(h Header, p []byte) bool {
	return len(p) > 0 && h.Flags.Has(FlagEndHeaders) && h.Flags.Has(FlagEndStream) == bl.end && bytes.Equal(p, bl.last)
}

// remember keeps a block that was found good, if it came whole and has left HPACK's table as it was.
func (bl *block) remember(h Header, p []byte) {
	if h.Type == TypeHeaders && len(p) <= maxRepeat && leavesTable(p) {
		bl.last = append(bl.last, p...)
	}
}

// leavesTable tells a block that neither enters a field into HPACK's table nor changes its size, of those that have been
// decoded (RFC 7541 section 6).
func leavesTable(p []byte) bool {
	for len(p) > 0 {
		switch first := p[0]; {
		case first&indexed.bits != 0:
			_, p = readInt(p, indexed)
		case first&(incremental.bits|tableSize.bits) != 0:
			return false
		default:
			var name int
			if name, p = readInt(p, literal); name == 0 {
				p = skipText(p)
			}
			p = skipText(p)
		}
	}
	return true
}
