package session

import (
	"github.com/valyala/bytebufferpool"

	"weir/codec/http1"
	"weir/gateway/observe"
	"weir/upstream"
)

// A successor is what a session hears of a stream by which it goes on, or is to: until its turn has come that is kept. The first
// stream has the session itself for a sink.
type successor struct {
	session *session
	stream  upstream.Stream
	early   *bytebufferpool.ByteBuffer // what it said before its turn: what came with its 101, or what a stream's window allows, as it is paused then
}

var _ upstream.Sink = (*successor)(nil)

// current tells whether it is this stream's turn.
func (n *successor) current() bool { return n.stream != nil && n.session.stream == n.stream }

// mine is the move that waits for the stream; nil: none does any more.
func (n *successor) mine() *move {
	if x := n.session.extra; x != nil && x.move != nil && (x.move.next == n || x.move.next == nil) {
		return x.move
	}
	return nil
}

// OnAnswer is called by the stream.
func (n *successor) OnAnswer(stream upstream.Stream, a *http1.Response) {
	m := n.mine()
	if m == nil {
		stream.Close()
		return
	}
	m.attempt = nil
	m.opened()
	n.stream = stream
	deflates, others := a.Extensions()
	switch {
	case a.Status != 101:
		stream.Close()
		if a.Status < 500 || !m.retry(stream.Endpoint()) && !m.retryLater() {
			m.fail(observe.MoveRefused)
		}
	case string(subprotocol(a)) != n.session.extra.again.protocol || deflates || others:
		stream.Close()
		m.fail(observe.MoveMismatch)
	default:
		m.stood(n)
	}
}

// OnRefused is called by the attempt.
func (n *successor) OnRefused(why *http1.Refusal) {
	if m := n.mine(); m != nil {
		m.attempt = nil
		m.opened()
		if (why != upstream.RefusedClosed || !m.retry(nil)) && !m.retryLater() {
			m.fail(observe.MoveRefused)
		}
	}
}

// OnBackendData is called by the stream.
func (n *successor) OnBackendData(b []byte) {
	if n.current() {
		n.session.OnBackendData(b)
		return
	}
	if n.early == nil {
		n.early = bytebufferpool.Get()
	}
	n.early.B = append(n.early.B, b...)
}

// OnBackendDrained is called by the stream.
func (n *successor) OnBackendDrained() {
	if n.current() {
		n.session.OnBackendDrained()
	}
}

// OnBackendEOF is called by the stream.
func (n *successor) OnBackendEOF() {
	if n.current() {
		n.session.OnBackendEOF()
		return
	}
	n.broken()
}

// OnBackendLost is called by the stream, which is closed by now.
func (n *successor) OnBackendLost(err error) {
	if n.current() {
		n.session.OnBackendLost(err)
		return
	}
	n.broken()
}

// OnBackendLeaving is called by the stream.
func (n *successor) OnBackendLeaving() {
	if n.current() {
		n.session.OnBackendLeaving()
	}
}

// broken is the end of a stream before its turn.
func (n *successor) broken() {
	if m := n.mine(); m != nil && m.next == n {
		at := n.stream.Endpoint()
		n.drop()
		if !m.retry(at) {
			m.fail(observe.MoveBroken)
		}
	}
}

// release delivers what was kept, and has the stream read on.
func (n *successor) release() {
	early := n.early
	n.early = nil
	if early != nil {
		n.session.OnBackendData(early.B)
		bytebufferpool.Put(early)
	}
	if s := n.session; s.stream == n.stream && !s.toClient().Full(s.lane.route.PauseAt) {
		n.stream.Resume()
	}
}

// drop is for a stream whose turn does not come.
func (n *successor) drop() {
	if n.stream != nil {
		n.stream.Close()
		n.stream = nil
	}
	if n.early != nil {
		bytebufferpool.Put(n.early)
		n.early = nil
	}
}
