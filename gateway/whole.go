package gateway

import (
	"errors"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/valyala/bytebufferpool"

	"weir/codec"
	"weir/codec/deflate"
	"weir/codec/frame"
	"weir/codec/json"
)

// Messages that are looked at as a whole: to be inflated, compressed or read as JSON. Nothing of them passes before
// they have ended. Most lie whole in the bytes that were read and are dealt with there; of others what has come is kept,
// no more than max-message-size of one and gather-memory of all.

// wholeMessage bounds messages that are looked at as a whole where max-message-size sets no limit.
const wholeMessage = 16 << 20

// gathering is a message that has not ended yet.
type gathering struct {
	head frame.Head
	buf  *bytebufferpool.ByteBuffer // its payload so far, without mask; nil: there is none
}

// gatherings are apart from other buffers, which are much smaller.
var gatherings bytebufferpool.Pool

// gathering is that of a direction.
func (s *session) gathering(h *half) *gathering {
	if s.more.gathered == nil {
		s.more.gathered = new([2]gathering)
	}
	if h == &s.up {
		return &s.more.gathered[0]
	}
	return &s.more.gathered[1]
}

// gathers tells whether a message that is looked at as a whole is under way.
func (s *session) gathers(h *half) bool {
	return s.more != nil && s.more.gathered != nil && s.gathering(h).buf != nil
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
	s.moreOf()
	*s.gathering(h) = gathering{head: head, buf: gatherings.Get()}
	return b, true
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
		case len(g.buf.B)+len(piece) > s.lane.route.wholeLimit: // it will not get shorter
			s.violated(h, deflate.ErrTooLarge)
			return false
		case sh.gathered+len(piece) > sh.gatherMax:
			s.hangUp(reasonGather, tryAgainLater)
			return false
		}
		sh.gathered += len(piece)
		g.buf.B = append(g.buf.B, piece...)
	}
	if h.scan.SetsAside() {
		return true
	}
	whole := *g
	*g = gathering{}
	on = s.deliver(h, to, whole.head, whole.buf.B)
	sh.release(whole.buf)
	return on
}

func (s *session) dropGathered() {
	if s.more.gathered == nil {
		return
	}
	for i := range s.more.gathered {
		if g := &s.more.gathered[i]; g.buf != nil {
			s.lane.shard.release(g.buf)
			*g = gathering{}
		}
	}
}

func (sh *shard) release(b *bytebufferpool.ByteBuffer) {
	sh.gathered -= len(b.B)
	gatherings.Put(b)
}

// deliver passes a whole message on, or ends the session since it is none that may pass.
func (s *session) deliver(h *half, to writer, head frame.Head, payload []byte) (on bool) {
	sh, r := s.lane.shard, s.lane.route
	if head.Compressed {
		var err error
		if payload, err = sh.inflate(payload, r.wholeLimit); err != nil {
			s.violated(h, fault(err))
			return false
		}
	}
	if err := s.lookAt(h, head.Op, payload); err != nil {
		s.violated(h, err)
		return false
	}
	if h == &s.up {
		sh.count.up.Messages++
		key := sh.maskKey()
		sh.framed = frame.AppendFrame(sh.framed[:0], head.Op, payload, &key)
	} else {
		sh.count.down.Messages++
		sh.framed = sh.compress(sh.framed[:0], head.Op, payload, r.press.level, s.window)
	}
	to.Queue(sh.framed)
	sh.framed, sh.plain = trim(sh.framed), trim(sh.plain)
	return true
}

// lookAt tells what is wrong with a message, apart from its frames.
func (s *session) lookAt(h *half, op ws.OpCode, payload []byte) *codec.ProtocolError {
	r, sh := s.lane.route, s.lane.shard
	readsJSON := h == &s.up && r.json
	if op == ws.OpText && (r.upRules.ValidateUTF8 || readsJSON) && !utf8.Valid(payload) {
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

// trim gives scratch up that one large message has made too large to keep.
func trim(b []byte) []byte {
	if cap(b) > 256<<10 {
		return nil
	}
	return b
}
