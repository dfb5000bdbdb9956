package session

import (
	"github.com/valyala/bytebufferpool"

	"weir/gateway/config"
)

// What messages that are gathered may take of memory: each up to its limit, and all together up to gather-memory.

// uncounted is what a session may keep beyond gather-memory, so that a few with long messages cannot keep all others from
// sending short ones. It is about as much as may be queued for a side anyway.
const uncounted = 64 << 10

// gatherings are apart from other buffers, which are much smaller. None of them counts: see putAway.
var gatherings bytebufferpool.Pool

// mostCompressed is what a message of that many bytes can take compressed: noise gets longer by a little.
func mostCompressed(n int) int { return n + n>>10 + 64 }

// grow makes room for n bytes more, if gather-memory has it.
func (sh *Shard) grow(b *bytebufferpool.ByteBuffer, n, limit int) bool {
	need := len(b.B) + n
	if need <= cap(b.B) {
		return true
	}
	size := max(need, min(2*cap(b.B), limit))
	if counted(size) == 0 {
		b.B = append(make([]byte, 0, size), b.B...)
		return true
	}
	others := sh.gathered - counted(cap(b.B))
	room := sh.large
	if room == nil || cap(room.B) < size || others+counted(cap(room.B)) > sh.plan.GatherMax {
		if others+counted(size) > sh.plan.GatherMax {
			return false
		}
		room = &bytebufferpool.ByteBuffer{B: make([]byte, 0, size)}
	}
	sh.gathered = others + counted(cap(room.B))
	room.B = append(room.B[:0], b.B...)
	b.B, room.B = room.B, b.B
	if room == sh.large {
		sh.large = nil
	}
	sh.putAway(room)
	return true
}

// counted is what of so many bytes counts for gather-memory.
func counted(n int) int { return max(0, n-uncounted) }

// putAway gives back what a message was kept in. Of those so long that it counted, the loop keeps one.
func (sh *Shard) putAway(b *bytebufferpool.ByteBuffer) {
	switch {
	case counted(cap(b.B)) == 0:
		gatherings.Put(b)
	case cap(b.B) <= 2*config.WholeMessage && (sh.large == nil || cap(sh.large.B) < cap(b.B)):
		sh.large = b
	}
}

// chargeQueues counts what waits for both sides where messages go on whole: it may be much longer than what was read last.
func (s *session) chargeQueues() {
	if s.phase != talking || s.window == 0 && !s.lane.route.JSON {
		return
	}
	n := counted(s.client.Buffered())
	if s.stream != nil {
		n += counted(s.stream.Buffered())
	}
	if n > 0 || s.extra != nil {
		s.lane.shard.gathered += n - s.extraOf().charged
		s.extra.charged = n
	}
}

// trim gives scratch up that one large message has made too large to keep.
func trim(b []byte) []byte {
	if cap(b) > 2*config.WholeMessage {
		return nil
	}
	return b
}
