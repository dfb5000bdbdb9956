package upstream

import (
	"errors"
	"net/http"
	"time"

	"weir/codec/h2"
	"weir/codec/http1"
	"weir/netpoll"
)

var (
	errConnLost    = errors.New("the pooled connection to the backend broke")
	errStreamReset = errors.New("the backend reset the stream")
)

// What the endpoint may be blamed for beyond what frames alone show (RFC 9113 sections 5.1 and 6.9).
var (
	idleStream   = &h2.Error{Code: h2.ProtocolError, Reason: "h2_idle_stream", Text: "a frame came on a stream that was never opened (RFC 9113 section 5.1)"}
	endedStream  = &h2.Error{Code: h2.StreamClosed, Reason: "h2_ended_stream", Text: "a frame came behind END_STREAM (RFC 9113 section 5.1)"}
	lateHeaders  = &h2.Error{Code: h2.ProtocolError, Reason: "h2_late_headers", Text: "a header block came in the middle of a WebSocket"}
	earlyData    = &h2.Error{Code: h2.ProtocolError, Reason: "h2_data_before_headers", Text: "DATA came before the response's header block (RFC 9113 section 8.1)"}
	noStatus     = &h2.Error{Code: h2.ProtocolError, Reason: "h2_trailers_first", Text: "trailers came instead of a response (RFC 9113 section 8.1)"}
	unreadAnswer = &h2.Error{Code: h2.EnhanceYourCalm, Reason: "h2_answers_unread", Text: "answers to PING and SETTINGS are asked for and not read (RFC 9113 section 10.5)"}
	streamWindow = &h2.Error{Code: h2.FlowControlError, Reason: "h2_window_exceeded", Text: "more DATA came than the window allows (RFC 9113 section 6.9.1)"}
)

// PoolFaults are these, for whoever counts or documents them.
var PoolFaults = []*h2.Error{idleStream, endedStream, lateHeaders, earlyData, noStatus, unreadAnswer, streamWindow}

// OnData walks the frames of many sessions. Small writes to their clients are collected meanwhile, so that each
// client is written to once however many frames there are for it.
func (pc *poolConn) OnData(_ *netpoll.Conn, b []byte) {
	loop := pc.pool.links.loop
	pc.heard, pc.pingAt = loop.Now(), 0
	if pc.heard-pc.refilled >= time.Second {
		pc.refilled = pc.heard
		pc.reader.Refill()
	}
	loop.Collect(true)
	for len(b) > 0 && pc.state != lost {
		ev, used := pc.reader.Next(b)
		b = b[used:]
		if ev.Kind == h2.Data {
			pc.onFrameData(&ev)
		} else {
			pc.onFrame(&ev)
		}
	}
	loop.Collect(false)
}

// onFrameData passes a piece of DATA on. It counts against both windows: the connection's is credited as soon as
// enough has come, the stream's when the client has taken it.
func (pc *poolConn) onFrameData(ev *h2.Event) {
	if pc.uncounted += ev.N; pc.uncounted >= connWindow/2 {
		pc.queue(h2.AppendWindowUpdate(pc.scratch(), 0, pc.uncounted))
		pc.uncounted = 0
	}
	st := pc.streams.Get(ev.Stream)
	switch {
	case st == nil:
		pc.unknown(ev.Stream)
	case st.flags&remoteEnded != 0:
		st.violated(endedStream)
	case st.attempt != nil:
		st.violated(earlyData)
	case st.flags&closed != 0:
		if ev.End {
			st.remoteEnd()
		}
	default:
		st.receive(ev)
	}
}

// unknown passes over what still comes for a stream that has ended here.
func (pc *poolConn) unknown(id uint32) {
	if id >= pc.next || id%2 == 0 {
		pc.fault(idleStream)
	}
}

func (pc *poolConn) onFrame(ev *h2.Event) {
	switch ev.Kind {
	case h2.WindowUpdate:
		pc.onWindowUpdate(ev)
	case h2.Headers:
		pc.onHeaders(ev)
	case h2.Reset:
		pc.onReset(ev)
	case h2.SettingsChanged:
		pc.onSettings()
	case h2.Ping:
		pc.reply(h2.AppendPong(pc.scratch(), ev.Payload))
	case h2.GoAway:
		pc.onGoAway(ev)
	case h2.StreamFault:
		if st := pc.streams.Get(ev.Stream); st != nil {
			st.violated(pc.reader.Err())
		} else {
			pc.unknown(ev.Stream)
		}
	case h2.Fault:
		pc.fault(pc.reader.Err())
	}
}

func (pc *poolConn) onWindowUpdate(ev *h2.Event) {
	if ev.Stream == 0 {
		if err := pc.window.Credit(ev.N); err != nil {
			pc.fault(err)
			return
		}
		pc.unblock()
		return
	}
	st := pc.streams.Get(ev.Stream)
	if st == nil {
		pc.unknown(ev.Stream)
		return
	}
	if err := st.window.Credit(ev.N); err != nil {
		st.violated(err)
		return
	}
	st.flush()
}

// onHeaders brings an answer, or the end of a stream in the form of trailers.
func (pc *poolConn) onHeaders(ev *h2.Event) {
	st, head := pc.streams.Get(ev.Stream), pc.reader.Head()
	switch {
	case st == nil:
		pc.unknown(ev.Stream)
	case st.flags&remoteEnded != 0:
		st.violated(endedStream)
	case st.attempt == nil && head.Status == 0 && ev.End:
		st.remoteEnd()
	case st.attempt == nil:
		st.violated(lateHeaders)
	case head.Status >= 200 || head.Status == 0:
		st.answered(head, ev.End)
	}
}

// onReset: a stream whose sessions said goodbye may be reset, that is no fault.
func (pc *poolConn) onReset(ev *h2.Event) {
	st := pc.streams.Get(ev.Stream)
	if st == nil {
		pc.unknown(ev.Stream)
		return
	}
	pc.forget(st)
	a := st.attempt
	st.flags |= localEnded | remoteEnded
	switch {
	case a == nil:
		st.vanish(errStreamReset)
	case ev.Code == h2.RefusedStream: // was not acted on, so another may be asked (RFC 9113 section 8.7)
		a.reroute(RefusedConnect)
	default:
		a.refuse(RefusedClosed)
	}
	pc.vacated()
}

func (pc *poolConn) onSettings() {
	peer := pc.reader.Peer()
	pc.encoder.Apply(peer)
	if pc.reply(h2.AppendSettingsAck(pc.scratch())); pc.state == lost {
		return
	}
	pc.maxFrame = int(min(peer.MaxFrameSize, maxFrameSize))
	if pc.resize(peer.InitialWindowSize); pc.state == lost {
		return
	}
	if pc.state == greeting {
		pc.usable()
	} else if pc.state == ready {
		pc.pool.serve() // there may be room for more
	}
}

// resize follows a change of the window that streams begin with, for those that are open.
func (pc *poolConn) resize(initial uint32) {
	was := pc.initial
	if initial == was {
		return
	}
	pc.initial = initial
	if err := pc.reader.ChargeWalk(pc.streams.Len()); err != nil {
		pc.fault(err)
		return
	}
	for _, st := range pc.streams.All() {
		if err := st.window.Resize(was, initial); err != nil {
			pc.fault(err)
			return
		}
	}
	if initial < was {
		return
	}
	for _, st := range pc.streams.All() {
		st.flush()
	}
}

// onGoAway: streams above the last one named were not acted on, and may be asked of another connection.
func (pc *poolConn) onGoAway(ev *h2.Event) {
	pc.pool.links.stats.GoAways++
	if err := pc.reader.ChargeWalk(pc.streams.Len()); err != nil {
		pc.fault(err)
		return
	}
	pc.leave(h2.NoError, "") // first, so that those who are moved do not come back
	for _, st := range pc.streams.All() {
		id := st.id
		if id <= ev.Stream {
			if st.attempt == nil && st.flags&closed == 0 {
				st.sink.OnBackendLeaving()
			}
			continue
		}
		pc.forget(st)
		st.flags |= localEnded | remoteEnded
		if a := st.attempt; a != nil {
			a.move()
		} else {
			st.vanish(errStreamReset)
		}
	}
	pc.vacated()
	pc.pool.serve() // those who waited for this connection
}

// reply answers PING and SETTINGS. An endpoint that asks on and on and reads no answer must not fill the queue.
func (pc *poolConn) reply(b []byte) {
	if pc.conn.Buffered() == 0 {
		pc.answers = 0
	}
	if pc.answers += len(b); pc.answers > maxAnswers {
		pc.fault(unreadAnswer)
		return
	}
	pc.queue(b)
}

// vacated is called when a stream has ended.
func (pc *poolConn) vacated() {
	switch {
	case pc.state == lost:
	case pc.state == leaving && pc.used() == 0:
		pc.end(h2.NoError, "")
	case len(pc.pool.waiting) > 0:
		pc.pool.serve()
	case pc.used() == 0:
		pc.emptySince = pc.pool.links.loop.Now()
	}
}

// answered ends the handshake of a stream.
func (st *stream) answered(head *h2.Head, end bool) {
	a, pc := st.attempt, st.conn
	if head.Status == 0 {
		st.violated(noStatus)
		return
	}
	if head.Status == http.StatusOK && end { // a WebSocket that is over before it began
		pc.forget(st)
		pc.reset(st.id, h2.Cancel)
		st.flags |= localEnded | remoteEnded
		a.refuse(RefusedAnswer)
		pc.vacated()
		return
	}
	st.attempt = nil
	a.hand(head.Status)
	answer := http1.Response{Status: head.Status, Fields: head.Fields}
	if head.Status == http.StatusOK {
		answer.Status = http.StatusSwitchingProtocols // what the client asked for, and gets
	} else {
		answer.Reason = []byte(http.StatusText(head.Status))
	}
	st.sink.OnAnswer(st, &answer)
	if end {
		st.remoteEnd()
	}
}
