package session

import (
	"errors"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/valyala/bytebufferpool"

	"weir/codec"
	"weir/codec/deflate"
	"weir/codec/frame"
	"weir/codec/json"
	"weir/gateway/reasons"
)

// Messages that are looked at as a whole: to be inflated, compressed or read as JSON. Nothing of them passes before
// they have ended. Most lie whole in the bytes that were read and are dealt with there; of others what has come is kept,
// no more than max-message-size of one and gather-memory of all.

// gathering is a message that has not ended yet.
type gathering struct {
	head frame.Head
	buf  *bytebufferpool.ByteBuffer // its payload so far, without mask; nil: there is none
	last moment                     // when a byte of it came
}

// gathering is that of a direction.
func (s *session) gathering(h *half) *gathering {
	m := s.extraOf()
	if m.gathered == nil {
		m.gathered = new([2]gathering)
	}
	if h == &s.up {
		return &m.gathered[0]
	}
	return &m.gathered[1]
}

// gathers tells whether a message that is looked at as a whole is under way.
func (s *session) gathers(h *half) bool {
	return s.extra != nil && s.extra.gathered != nil && s.gathering(h).buf != nil
}

// takeAside takes the message that begins with b aside. It gives what comes behind, and tells whether the direction goes on.
func (s *session) takeAside(h *half, to writer, head frame.Head, b []byte, rules *frame.Rules, counts *frame.Counts) (rest []byte, on bool) {
	_, used, _ := h.scan.Admit(b, rules, counts, true)
	b = b[used:]
	if head.Last && uint64(len(b)) >= head.Length {
		payload := b[:head.Length]
		if len(payload) > 0 {
			h.scan.Scan(payload, rules, counts)
			h.scan.Unmask(payload)
		}
		return b[head.Length:], s.deliver(h, to, head, payload)
	}
	g := s.gathering(h)
	if g.head = head; g.buf == nil {
		g.buf = gatherings.Get()
	}
	s.gatheringBegins(g)
	return b, true
}

// roomFor makes room for a message of the backend's whose first n bytes are there. Its length is known, so that it need not
// be given up later.
func (s *session) roomFor(head frame.Head, n int) bool {
	if head.Length <= uint64(n) {
		return true
	}
	buf := gatherings.Get()
	if !s.lane.shard.grow(buf, int(head.Length), s.lane.route.GatherLimit) {
		gatherings.Put(buf)
		return false
	}
	g := s.gathering(&s.down)
	g.buf = buf
	s.gatheringBegins(g)
	return true
}

// gatheringBegins has the message looked at while it is under way.
func (s *session) gatheringBegins(g *gathering) {
	g.last = s.now()
	s.loop().Sooner(&s.timer, s.cfg().GatherTimeout, s)
}

// gatherLeft is how long the message under way in a direction may go on without a byte. While its source is not read that is
// no fault of it.
func (s *session) gatherLeft(h *half) (left time.Duration, any bool) {
	if !s.gathers(h) {
		return 0, false
	}
	unread := s.client.Paused() || s.extra.held
	if h == &s.down {
		unread = s.client.Buffered() > 0 || s.stream == nil
	}
	g := s.gathering(h)
	if unread {
		g.last = s.now()
	}
	return s.cfg().GatherTimeout - s.since(g.last), true
}

// setAside keeps a piece of a message that does not pass, unless that is dropped, and deals with the whole at its end.
func (s *session) setAside(h *half, to writer, piece []byte, ev frame.Event) (on bool) {
	if !s.gathers(h) {
		return true
	}
	g, sh := s.gathering(h), s.lane.shard
	if ev == frame.Aside {
		h.scan.Unmask(piece)
		switch {
		case len(g.buf.B)+len(piece) > mostCompressed(s.lane.route.GatherLimit):
			s.dropGathered(h)
			s.violated(h, deflate.ErrTooLarge)
			return false
		case !sh.grow(g.buf, len(piece), s.lane.route.GatherLimit):
			s.dropGathered(h)
			s.hangUp(reasons.GatherMemory, ws.StatusCode(s.cfg().GatherMemoryCode))
			return false
		}
		g.buf.B = append(g.buf.B, piece...)
		g.last = s.now()
	}
	if h.scan.SetsAside() {
		return true
	}
	whole := *g
	*g = gathering{}
	sh.gathered -= counted(cap(whole.buf.B))
	on = s.deliver(h, to, whole.head, whole.buf.B)
	sh.putAway(whole.buf)
	return on
}

// dropGathered gives up the message that is under way in a direction.
func (s *session) dropGathered(h *half) {
	if s.gathers(h) {
		g := s.gathering(h)
		s.lane.shard.gathered -= counted(cap(g.buf.B))
		s.lane.shard.putAway(g.buf)
		*g = gathering{}
	}
}

// deliver passes a whole message on, or ends the session since it is none that may pass.
func (s *session) deliver(h *half, to writer, head frame.Head, payload []byte) (on bool) {
	sh, r := s.lane.shard, s.lane.route
	on = true
	if head.Compressed {
		payload, on = s.inflate(h, payload)
	}
	if on {
		if err := s.lookAt(h, head.Op, payload); err != nil {
			s.violated(h, err)
			on = false
		}
	}
	switch {
	case !on:
	case h == &s.up:
		sh.count.Up.Messages++
		key := sh.maskKey()
		sh.framed = frame.AppendFrame(sh.framed[:0], head.Op, payload, &key)
		to.Queue(sh.framed)
	default:
		sh.count.Down.Messages++
		sh.framed = sh.compress(sh.framed[:0], head.Op, payload, r.Compression.Level, s.window)
		to.Queue(sh.framed)
	}
	sh.framed, sh.plain = trim(sh.framed), trim(sh.plain)
	return on
}

// lookAt tells what is wrong with a message, apart from its frames.
func (s *session) lookAt(h *half, op ws.OpCode, payload []byte) *codec.ProtocolError {
	r, sh := s.lane.route, s.lane.shard
	readsJSON := h == &s.up && r.JSON
	if op == ws.OpText && (r.UpRules.ValidateUTF8 || readsJSON) && !utf8.Valid(payload) {
		return frame.InvalidUTF8
	}
	if !readsJSON {
		return nil
	}
	sh.checker.Reset()
	if err := sh.checker.Write(payload); err != nil {
		return fault(err)
	}
	if err := sh.checker.Close(); err != nil {
		return fault(err)
	}
	return nil
}

// fault is the rule that a codec's error names.
func fault(err error) *codec.ProtocolError {
	var rule *codec.ProtocolError
	if !errors.As(err, &rule) {
		rule = json.ErrMalformed
	}
	return rule
}
