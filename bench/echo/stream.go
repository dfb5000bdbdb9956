//go:build linux

package echo

import (
	"bytes"

	"weir/codec/h2"
)

// stream is one WebSocket on a mux. Owned by the loop.
type stream struct {
	talk
	id     uint32
	window h2.Window // what the client takes
	owed   uint32    // bytes that the client's window was not credited for
	held   []byte    // echoes that the windows hold back
	heard  bool      // the client's END_STREAM has come
	over   bool      // ours follows what is held
	inTurn bool      // on the mux's list of those that wait
}

// headers opens a stream, or ends one if they are trailers.
func (m *mux) headers(ev *h2.Event) *h2.Error {
	if ev.Stream <= m.last {
		st := m.streams[ev.Stream]
		if st == nil && m.reader.Head().Method != nil {
			return streamOrder
		}
		if st != nil {
			m.end(st)
		}
		return nil
	}
	m.last = ev.Stream
	head := m.reader.Head()
	switch {
	case string(head.Protocol) != "websocket" || ev.End:
		m.out = m.encoder.AppendResponse(m.out, ev.Stream, 400, nil, true)
		m.out = h2.AppendReset(m.out, ev.Stream, h2.NoError) // RFC 9113 section 8.1: no body is wanted
	case len(m.streams) >= int(m.ours.MaxConcurrentStreams):
		m.reset(ev.Stream, h2.RefusedStream)
	default:
		st := &stream{id: ev.Stream, window: h2.NewWindow(m.initial)}
		if path, _, _ := bytes.Cut(head.Path, []byte("?")); string(path) == FanoutPath {
			st.member = m.join(m.socket, m)
		}
		m.streams[ev.Stream] = st
		m.out = m.encoder.AppendResponse(m.out, ev.Stream, 200, nil, false)
	}
	return nil
}

// data echoes a piece of a stream.
func (m *mux) data(ev *h2.Event) *h2.Error {
	m.owed += ev.N
	st := m.streams[ev.Stream]
	if st == nil {
		return m.unknown(ev.Stream)
	}
	if st.owed += ev.N; st.owed > streamWindow {
		m.reset(st.id, h2.FlowControlError)
		return nil
	}
	var ok bool
	if m.echoes, ok = st.answer(m.echoes[:0], ev.Payload); !ok {
		m.reset(st.id, h2.ProtocolError)
		return nil
	}
	b := m.echoes
	if len(st.held) == 0 {
		b = m.frame(st, b)
	}
	st.held = append(st.held, b...)
	if ev.End {
		m.end(st)
	} else {
		m.settle(st)
	}
	return nil
}

func (m *mux) end(st *stream) {
	st.heard = true
	m.settle(st)
}

// flush sends what is held, after a window has opened.
func (m *mux) flush(st *stream) {
	if len(st.held) == 0 {
		return
	}
	rest := m.frame(st, st.held)
	if st.held = st.held[:copy(st.held, rest)]; len(rest) == 0 {
		st.held = nil
	}
	m.settle(st)
}

// frame sends what the windows allow and gives back the rest.
func (m *mux) frame(st *stream, b []byte) (rest []byte) {
	most := int(m.reader.Peer().MaxFrameSize)
	for len(b) > 0 {
		n := min(len(b), most, st.window.Available(), m.window.Available())
		if n == 0 {
			break
		}
		_ = st.window.Take(n) // both fit, as just seen
		_ = m.window.Take(n)
		m.out = append(h2.AppendDataHeader(m.out, st.id, n, false), b[:n]...)
		b = b[n:]
	}
	return b
}

// settle does what follows from a stream's state: waits, ends, or lets the client send more.
func (m *mux) settle(st *stream) {
	if len(st.held) > 0 {
		if !st.inTurn && st.window.Available() > 0 {
			st.inTurn = true
			m.blocked = append(m.blocked, st)
		}
		return
	}
	if !st.over && (st.heard || st.ended) {
		st.over = true
		m.out = h2.AppendDataHeader(m.out, st.id, 0, true)
	}
	switch {
	case st.heard:
		delete(m.streams, st.id)
	case st.owed >= streamWindow/2:
		m.out = h2.AppendWindowUpdate(m.out, st.id, st.owed)
		st.owed = 0
	}
}
