package accept

import (
	"weir/codec/h2"
)

// What the peer may be blamed for beyond what frames alone show.
var (
	idleStream   = &h2.Error{Code: h2.ProtocolError, Reason: "h2_idle_stream", Text: "a frame came on a stream that was never opened (section 5.1)"}
	oldStream    = &h2.Error{Code: h2.ProtocolError, Reason: "h2_stream_reused", Text: "a request came on a stream number that was used or passed over (section 5.1.1)"}
	endedStream  = &h2.Error{Code: h2.StreamClosed, Reason: "h2_ended_stream", Text: "a frame came behind END_STREAM (section 5.1)"}
	lateHeaders  = &h2.Error{Code: h2.ProtocolError, Reason: "h2_late_headers", Text: "a header block came in the middle of a WebSocket (section 8.1)"}
	controlFlood = &h2.Error{Code: h2.EnhanceYourCalm, Reason: "h2_not_reading", Text: "the peer asks for answers and does not read them"}
)

// act acts on one event, with mu held.
func (ca *carrier) act(ev *h2.Event) {
	switch ev.Kind {
	case h2.Data:
		ca.onData(ev)
	case h2.Headers:
		ca.onHeaders(ev)
	case h2.WindowUpdate:
		ca.onWindowUpdate(ev)
	case h2.SettingsChanged:
		ca.onSettings()
	case h2.Reset:
		if c := ca.known(ev.Stream); c != nil {
			c.fail(ErrReset)
		}
	case h2.Ping:
		ca.append(h2.AppendPong(ca.out, ev.Payload))
	case h2.Pong:
		ca.settle()
	case h2.StreamFault:
		ca.onStreamFault(ev.Stream)
	case h2.Fault:
		ca.fault(ca.reader.Err())
	}
}

// known finds an open stream. Frames for one that has ended here may still be on their way, and are passed over.
func (ca *carrier) known(id uint32) *Conn {
	c := ca.streams[id]
	if c == nil && id > ca.last {
		ca.fault(idleStream)
	}
	return c
}

// onData credits the connection on receipt; the stream is credited when the session was read.
func (ca *carrier) onData(ev *h2.Event) {
	if err := ca.ours.Take(int(ev.N)); err != nil {
		ca.fault(err)
		return
	}
	if ca.received += ev.N; ca.received >= connWindow/2 {
		ca.append(h2.AppendWindowUpdate(ca.out, 0, ca.received))
		_ = ca.ours.Credit(ca.received) // never above what it was at first
		ca.received = 0
	}
	c := ca.known(ev.Stream)
	if c == nil {
		return
	}
	if c.remoteEnded {
		c.violated(endedStream)
		return
	}
	if err := c.ours.Take(int(ev.N)); err != nil {
		c.violated(err)
		return
	}
	c.take(ev.Payload, int(ev.N)-len(ev.Payload))
	if ev.End {
		c.remoteEnd()
	}
}

func (ca *carrier) onHeaders(ev *h2.Event) {
	head := ca.reader.Head()
	if head.Method != nil {
		ca.onRequest(ev, head)
		return
	}
	switch c := ca.known(ev.Stream); {
	case c == nil:
	case c.remoteEnded:
		c.violated(endedStream)
	case !ev.End:
		c.violated(lateHeaders)
	default:
		c.remoteEnd() // trailers
	}
}

// onRequest opens a stream, and queues it for Accept.
func (ca *carrier) onRequest(ev *h2.Event, head *h2.Head) {
	switch {
	case ca.streams[ev.Stream] != nil:
		ca.streams[ev.Stream].violated(lateHeaders)
		return
	case ev.Stream <= ca.last:
		ca.fault(oldStream)
		return
	}
	ca.last = ev.Stream
	// The bound of held is for peers that open and reset without end: a session has its place until the application
	// has closed it too.
	if most := ca.listener.options.MaxStreams; ca.drains == settled || len(ca.streams) >= most || ca.held >= 2*most {
		ca.reset(ev.Stream, h2.RefusedStream)
		return
	}
	c := newConn(ca, ev.Stream, head)
	if ev.End {
		c.remoteEnded = true
	}
	if status, text := check(head, ev.End); status != 0 {
		c.refuse(status, text)
		return
	}
	select {
	case ca.listener.waiting <- c:
	default:
		ca.reset(c.id, h2.RefusedStream)
		c.closed = true
		c.fail(ErrReset)
	}
}

func (ca *carrier) onStreamFault(id uint32) {
	if c := ca.streams[id]; c != nil {
		c.violated(ca.reader.Err())
		return
	}
	ca.last = max(ca.last, id) // a request that could not be read
	ca.reset(id, ca.reader.Err().Code)
}

func (ca *carrier) onWindowUpdate(ev *h2.Event) {
	if ev.Stream == 0 {
		if err := ca.theirs.Credit(ev.N); err != nil {
			ca.fault(err)
			return
		}
		ca.pass()
		return
	}
	c := ca.known(ev.Stream)
	if c == nil {
		return
	}
	if err := c.theirs.Credit(ev.N); err != nil {
		c.violated(err)
		return
	}
	c.writable.Broadcast()
}

func (ca *carrier) onSettings() {
	peer := ca.reader.Peer()
	ca.encoder.Apply(peer)
	ca.append(h2.AppendSettingsAck(ca.out))
	was := ca.initial
	if peer.InitialWindowSize == was {
		return
	}
	ca.initial = peer.InitialWindowSize
	if err := ca.reader.ChargeWalk(len(ca.streams)); err != nil {
		ca.fault(err)
		return
	}
	for _, c := range ca.streams {
		if err := c.theirs.Resize(was, ca.initial); err != nil {
			ca.fault(err)
			return
		}
		c.writable.Broadcast()
	}
}
