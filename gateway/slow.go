package gateway

import (
	"github.com/gobwas/ws"
	"github.com/valyala/bytebufferpool"

	"weir/codec/frame"
	"weir/gateway/config"
	"weir/netpoll"
)

// Clients that do not take what they are sent. First their backend is not read, which is all that TCP would do. If the
// queue stays full for longer than slow-reader-timeout, the route may have the session closed, or have it lose its oldest
// messages instead of its pace.

// slowNotSent is what the kernel may keep besides, for such routes: with its own buffer of some MiB, of which it tells only
// when a third is free, a client that reads steadily would look as slow as one that does not read.
const slowNotSent = 64 << 10

// slow is what a session whose client was slow has besides. While sheds is set it stands in the place of the client: the
// message under way still goes there; those that follow wait here, and while they are too many, the oldest whole
// ones are dropped.
type slow struct {
	session *session
	timer   netpoll.Timer // until the queue has been full for too long
	sheds   bool
	begun   bool                       // the message under way waits here
	waits   *bytebufferpool.ByteBuffer // messages in their frames; nil: none
	from    int                        // where in waits the oldest begins
}

// sheds tells whether the client is that slow.
func (s *session) sheds() bool { return s.more != nil && s.more.slow != nil && s.more.slow.sheds }

// isSlow begins to count how long the client's queue is full.
func (s *session) isSlow() {
	if s.cfg().SlowReader == config.SlowWait || s.ending() != nil || s.marks.has(opaque) && s.cfg().SlowReader == config.SlowDrop {
		return
	}
	m := s.moreOf()
	if m.slow == nil {
		m.slow = &slow{session: s}
	}
	if !m.slow.sheds && !m.slow.timer.Set() {
		s.loop().Schedule(&m.slow.timer, s.cfg().SlowTimeout, m.slow)
	}
}

// OnTimer does with a client that has had its time as the route says.
func (d *slow) OnTimer(*netpoll.Timer) {
	s := d.session
	if s.cfg().SlowReader == config.SlowClose {
		s.hangUp(reasonSlow, ws.StatusCode(s.cfg().SlowReaderCode))
		return
	}
	d.sheds = true
	if s.stream != nil {
		s.stream.Resume()
	}
}

// caughtUp sends the client what waited for it, now that it takes something or since the session ends.
func (s *session) caughtUp() {
	if s.more == nil || s.more.slow == nil {
		return
	}
	d := s.more.slow
	s.loop().Cancel(&d.timer)
	d.flush()
	if s.ending() != nil || !s.client.Full(s.lane.route.pauseAt) {
		s.more.slow = nil
	}
}

func (d *slow) Write(b []byte) {
	if !d.begun {
		d.session.client.Write(b)
		return
	}
	d.Queue(b)
}

func (d *slow) Queue(b []byte) {
	if !d.begun {
		d.session.client.Queue(b)
		return
	}
	if d.waits == nil {
		d.waits = gatherings.Get()
	}
	d.waits.B = append(d.waits.B, b...)
	d.session.lane.shard.waiting += len(b)
}

// drop leaves out the oldest messages that have ended, while there is more than limit.
func (d *slow) drop(limit int) {
	for d.size() > limit {
		n := frame.MessageLen(d.waits.B[d.from:])
		if n == 0 {
			break // its end is still to come
		}
		if !ws.OpCode(d.waits.B[d.from] & 0x0f).IsControl() {
			d.session.lane.shard.count.shed++
		}
		d.from += n
		d.session.lane.shard.waiting -= n
	}
	if d.from > 0 && d.from > len(d.waits.B)/2 {
		d.waits.B = d.waits.B[:copy(d.waits.B, d.waits.B[d.from:])]
		d.from = 0
	}
}

func (d *slow) size() int {
	if d.waits == nil {
		return 0
	}
	return len(d.waits.B) - d.from
}

// Full makes room, once for each read. A message that is too long by itself is the backend's to hold back, as nothing of
// it may be dropped.
func (d *slow) Full(limit int) bool {
	if !d.begun { // what it came into is let through, as far as it fits behind what was there
		return d.session.client.Full(2 * limit)
	}
	if d.drop(limit); d.size() > limit {
		d.session.client.NotifyDrained()
		return true
	}
	return false
}

// flush sends what waits. If its last message has not ended, the rest of it follows directly.
func (d *slow) flush() {
	if d.waits != nil {
		d.session.lane.shard.waiting -= d.size()
		d.session.client.Write(d.waits.B[d.from:])
		d.session.lane.shard.putAway(d.waits)
		d.waits, d.from = nil, 0
	}
	d.begun = false
}
