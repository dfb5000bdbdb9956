//go:build linux

package echo

import (
	"slices"

	"weir/codec/h2"
)

const (
	streamWindow = 256 << 10 // also the most that is held for one stream
	connWindow   = 64 << 20  // credited on receipt, so that it holds nobody up
)

// mux is an HTTP/2 connection of many WebSockets (RFC 8441). Owned by the loop.
type mux struct {
	*socket
	ours    h2.Settings
	reader  *h2.Reader
	encoder *h2.Encoder
	greeted bool
	streams map[uint32]*stream
	last    uint32 // highest number the client has used

	window  h2.Window // what the client takes
	initial uint32    // its INITIAL_WINDOW_SIZE
	owed    uint32    // bytes that the client's window was not credited for
	blocked []*stream // that hold bytes and wait for the connection's window, in turn
}

func newMux(s *socket, maxStreams uint32) *mux {
	ours := h2.DefaultSettings()
	ours.EnableConnect = true
	ours.MaxConcurrentStreams = maxStreams
	ours.InitialWindowSize = streamWindow
	return &mux{
		socket: s, ours: ours, reader: h2.NewReader(h2.Server, ours, h2.DefaultLimits()), encoder: h2.NewEncoder(),
		streams: map[uint32]*stream{}, window: h2.NewWindow(h2.InitialWindow), initial: h2.InitialWindow,
	}
}

var (
	idleStream  = &h2.Error{Code: h2.ProtocolError, Reason: "idle_stream", Text: "a frame on a stream that was never opened (RFC 9113 section 5.1)"}
	streamOrder = &h2.Error{Code: h2.ProtocolError, Reason: "stream_order", Text: "a new stream's number is below an older one's (RFC 9113 section 5.1.1)"}
)

func (m *mux) take(b []byte) bool {
	if !m.greeted {
		m.greeted = true
		m.out = h2.AppendSettings(m.out, m.ours)
		m.out = h2.AppendWindowUpdate(m.out, 0, connWindow-h2.InitialWindow)
	}
	m.reader.Refill() // a storm of handshakes is what is measured here, not a flood
	for len(b) > 0 {
		ev, n := m.reader.Next(b)
		b = b[n:]
		if err := m.on(&ev); err != nil {
			m.out = h2.AppendGoAway(m.out, m.last, err.Code, err.Reason)
			return false
		}
	}
	if m.owed >= connWindow/2 {
		m.out = h2.AppendWindowUpdate(m.out, 0, m.owed)
		m.owed = 0
	}
	return true
}

// on acts on what came; an error ends the connection.
func (m *mux) on(ev *h2.Event) *h2.Error {
	switch ev.Kind {
	case h2.Headers:
		return m.headers(ev)
	case h2.Data:
		return m.data(ev)
	case h2.SettingsChanged:
		return m.apply(m.reader.Peer())
	case h2.Ping:
		m.out = h2.AppendPong(m.out, ev.Payload)
	case h2.Reset:
		m.drop(ev.Stream)
	case h2.WindowUpdate:
		return m.widen(ev.Stream, ev.N)
	case h2.StreamFault:
		m.last = max(m.last, ev.Stream)
		m.reset(ev.Stream, m.reader.Err().Code)
	case h2.Fault:
		return m.reader.Err()
	}
	return nil
}

func (m *mux) apply(peer h2.Settings) *h2.Error {
	m.out = h2.AppendSettingsAck(m.out)
	m.encoder.Apply(peer)
	was := m.initial
	m.initial = peer.InitialWindowSize
	for _, st := range m.streams {
		if err := st.window.Resize(was, m.initial); err != nil {
			return err
		}
		m.flush(st)
	}
	return nil
}

// widen follows a WINDOW_UPDATE, of a stream or, as 0, of the connection.
func (m *mux) widen(id, n uint32) *h2.Error {
	if id == 0 {
		if err := m.window.Credit(n); err != nil {
			return err
		}
		m.unblock()
		return nil
	}
	st := m.streams[id]
	switch {
	case st == nil:
		return m.unknown(id)
	case st.window.Credit(n) != nil:
		m.reset(id, h2.FlowControlError)
	default:
		m.flush(st)
	}
	return nil
}

// unknown is about a stream that is not open: ended before this frame was sent, or never begun.
func (m *mux) unknown(id uint32) *h2.Error {
	if id > m.last {
		return idleStream
	}
	return nil
}

// unblock gives each stream that waits for the connection's window its turn.
func (m *mux) unblock() {
	for n := len(m.blocked); n > 0 && m.window.Available() > 0; n-- {
		st := m.blocked[0]
		m.blocked = m.blocked[1:]
		st.inTurn = false
		m.flush(st)
	}
}

func (m *mux) reset(id uint32, code h2.ErrorCode) {
	m.drop(id)
	m.out = h2.AppendReset(m.out, id, code)
}

func (m *mux) drop(id uint32) {
	if st := m.streams[id]; st != nil && st.inTurn {
		m.blocked = slices.DeleteFunc(m.blocked, func(other *stream) bool { return other == st })
	}
	delete(m.streams, id)
}
