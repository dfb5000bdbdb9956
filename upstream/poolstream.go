package upstream

import (
	"slices"

	"github.com/valyala/bytebufferpool"

	"weir/codec/h2"
)

type streamFlag uint8

const (
	localEnded  streamFlag = 1 << iota // END_STREAM or RST_STREAM went out
	remoteEnded                        // the endpoint sends no more
	pausedRead                         // the client is behind: no credit
	endWanted                          // END_STREAM behind what is held
	wantDrained                        // tell OnBackendDrained
	inTurn                             // on the connection's list of those that wait
	closed                             // the session is done with it
	parted                             // close frames have gone both ways
)

// stream is a session's share of a pooled connection. Owned by the loop.
type stream struct {
	conn    *poolConn
	sink    Sink
	attempt *Attempt                   // until the answer
	out     *bytebufferpool.ByteBuffer // bytes that the windows hold back; nil when there are none
	id      uint32
	window  h2.Window // what the endpoint takes
	sent    int32     // how much of out has gone
	owed    uint32    // bytes received that the endpoint's window was not credited for
	flags   streamFlag
}

// Key is the stream's number, for the connection's table.
func (st *stream) Key() uint32 { return st.id }

// ask opens a stream with an attempt's request (RFC 8441 section 4).
func (pc *poolConn) ask(a *Attempt) {
	st := &stream{conn: pc, sink: a.sink, attempt: a, id: pc.next, window: h2.NewWindow(pc.initial)}
	pc.streams.Put(st)
	pc.pool.links.stats.Streams++
	a.way = st
	a.asked()
	r := &a.request
	pc.queue(pc.encoder.AppendConnect(pc.scratch(), st.id, pc.scheme(), r.Host, r.Target, r.Fields))
	if pc.next += 2; pc.next > lastStream {
		pc.leave(h2.NoError, "out of stream numbers")
	}
}

// scheme is what requests name as theirs (RFC 8441 section 4).
func (pc *poolConn) scheme() string {
	if pc.pool.endpoint.Spec.Secure() {
		return "https"
	}
	return "http"
}

func (st *stream) Endpoint() *Endpoint { return st.conn.pool.endpoint }

func (st *stream) Shared() bool { return true }

// Write frames b as DATA, as far as both windows allow; the rest is held until they do. Those who wait for the
// connection already go first. An endpoint that has ended the stream hears nothing more: some end the whole connection over
// it.
func (st *stream) Write(b []byte) {
	if st.flags&(localEnded|endWanted|remoteEnded) != 0 || len(b) == 0 {
		return
	}
	if st.out == nil && len(st.conn.blocked) == 0 {
		b = b[st.conn.send(st, b):]
	}
	if len(b) > 0 {
		st.hold(b)
	}
}

// Queue is Write: what goes to a pooled connection always waits for the end of the batch.
func (st *stream) Queue(b []byte) { st.Write(b) }

func (st *stream) hold(b []byte) {
	if st.out == nil {
		st.out = bytebufferpool.Get()
	} else if st.sent > 0 && len(st.out.B)+len(b) > cap(st.out.B) {
		st.out.B = st.out.B[:copy(st.out.B, st.out.B[st.sent:])]
		st.sent = 0
	}
	st.out.B = append(st.out.B, b...)
	st.conn.pool.links.stats.Buffered += len(b)
	st.wait()
}

// wait puts a stream that only the connection holds up on its list. One whose own window is shut waits for its
// WINDOW_UPDATE.
func (st *stream) wait() {
	if st.window.Available() > 0 && st.flags&inTurn == 0 {
		st.flags |= inTurn
		st.conn.blocked = append(st.conn.blocked, st)
		st.conn.conn.NotifyDrained()
	}
}

// send frames what the windows allow and tells how much that was.
func (pc *poolConn) send(st *stream, b []byte) (sent int) {
	if pc.conn.Buffered() >= connQueue {
		return 0
	}
	for len(b) > 0 {
		n := min(len(b), pc.maxFrame, st.window.Available(), pc.window.Available())
		if n == 0 {
			break
		}
		_ = st.window.Take(n) // both fit, as just seen
		_ = pc.window.Take(n)
		pc.queue(h2.AppendDataHeader(pc.scratch(), st.id, n, false))
		if n >= bigPayload {
			pc.conn.Write(b[:n])
		} else {
			pc.conn.Queue(b[:n])
		}
		b = b[n:]
		sent += n
	}
	return sent
}

// flush sends what is held, after a window has opened.
func (st *stream) flush() {
	if st.out == nil {
		return
	}
	n := st.conn.send(st, st.out.B[st.sent:])
	st.sent += int32(n)
	st.conn.pool.links.stats.Buffered -= n
	if int(st.sent) < len(st.out.B) {
		st.wait()
		return
	}
	st.dropOut()
	if st.flags&endWanted != 0 {
		st.end()
	}
	if st.flags&(wantDrained|endWanted) != 0 && st.flags&closed == 0 {
		st.flags &^= wantDrained
		st.sink.OnBackendDrained()
	}
}

// unblock gives each waiting stream its turn, as long as the connection takes something.
func (pc *poolConn) unblock() {
	for len(pc.blocked) > 0 && pc.window.Available() > 0 && pc.conn.Buffered() < connQueue {
		st := pc.blocked[0]
		pc.blocked[0] = nil
		pc.blocked = pc.blocked[1:]
		st.flags &^= inTurn
		st.flush()
	}
	if len(pc.blocked) == 0 {
		pc.blocked = nil
	} else {
		pc.conn.NotifyDrained()
	}
}

// Buffered is what is held here. What is framed already is the connection's, and bounded there.
func (st *stream) Buffered() int {
	if st.out == nil {
		return 0
	}
	return len(st.out.B) - int(st.sent)
}

// Delivered: HTTP/2 does not tell what has arrived.
func (st *stream) Delivered() bool { return false }

func (st *stream) dropOut() {
	st.conn.pool.links.stats.Buffered -= st.Buffered()
	bytebufferpool.Put(st.out)
	st.out, st.sent = nil, 0
}

// Full: a session stops reading its client as soon as a window is shut.
func (st *stream) Full(int) bool {
	if st.out == nil {
		return false
	}
	st.flags |= wantDrained
	return true
}

// Pause holds the credit back: the endpoint may send what its window still allows, which bounds what the gateway
// has to queue for a slow client, and no other session is held up.
func (st *stream) Pause() { st.flags |= pausedRead }

// Resume credits what the client has taken meanwhile.
func (st *stream) Resume() {
	if st.flags&pausedRead != 0 {
		st.flags &^= pausedRead
		st.credit(1)
	}
}

// receive passes DATA on to the session.
func (st *stream) receive(ev *h2.Event) {
	window := uint32(st.conn.pool.links.dialer.Pool.Window)
	if st.owed += ev.N; st.owed > window {
		st.violated(streamWindow)
		return
	}
	if len(ev.Payload) > 0 {
		st.sink.OnBackendData(ev.Payload)
	}
	if ev.End {
		st.remoteEnd()
		return
	}
	st.credit(window / 2)
}

// credit widens the endpoint's window by what came, if that is at least so much.
func (st *stream) credit(least uint32) {
	if st.owed >= least && st.flags&(pausedRead|remoteEnded|parted|closed) == 0 {
		st.conn.queue(h2.AppendWindowUpdate(st.conn.scratch(), st.id, st.owed))
		st.owed = 0
	}
}

// CloseWrite sends END_STREAM behind what is held.
func (st *stream) CloseWrite() {
	switch {
	case st.flags&(localEnded|endWanted|remoteEnded) != 0:
	case st.out != nil:
		st.flags |= endWanted
	default:
		st.end()
	}
}

func (st *stream) end() {
	if st.flags&localEnded == 0 {
		st.flags |= localEnded
		st.conn.queue(h2.AppendDataHeader(st.conn.scratch(), st.id, 0, true))
	}
}

// remoteEnd is the end of what the endpoint sends. What is held for it, nobody waits for any more.
func (st *stream) remoteEnd() {
	if st.flags&remoteEnded != 0 {
		return
	}
	st.flags |= remoteEnded
	if st.flags&closed != 0 {
		if st.flags&localEnded == 0 {
			st.conn.reset(st.id, h2.NoError)
		}
		st.conn.forget(st)
		st.conn.vacated()
		return
	}
	if st.out != nil {
		st.dropOut()
	}
	if st.flags&wantDrained != 0 {
		st.flags &^= wantDrained
		st.sink.OnBackendDrained()
	}
	if st.flags&closed == 0 {
		st.sink.OnBackendEOF()
	}
}

// Parted ends the stream with our close frame, if the endpoint has sent its own before. Behind the endpoint's nothing follows:
// some have forgotten the stream by then, and end the whole connection over any frame of it.
func (st *stream) Parted(last bool) {
	if last {
		st.CloseWrite()
	}
	st.flags |= parted
}

// Close ends the stream. Unless both sides have ended it in order, it is reset; but behind close frames the end is the
// endpoint's to make.
func (st *stream) Close() {
	if st.flags&closed != 0 {
		return
	}
	st.flags |= closed
	st.release()
	pc := st.conn
	switch {
	case st.flags&(remoteEnded|parted) == parted:
		pc.keep()
		return
	case st.flags&remoteEnded == 0:
		pc.reset(st.id, h2.Cancel)
	case st.flags&localEnded == 0: // nothing is lost: the endpoint has ended, and hears no more
		pc.reset(st.id, h2.NoError)
	}
	if pc.streams.Get(st.id) == st {
		pc.streams.Delete(st.id)
		pc.vacated()
	}
}

// release gives back what the stream holds, once.
func (st *stream) release() {
	if st.out != nil {
		st.dropOut()
	}
	if pc := st.conn; st.flags&inTurn != 0 {
		pc.blocked = slices.DeleteFunc(pc.blocked, func(other *stream) bool { return other == st })
	}
	st.conn.pool.links.stats.Streams--
	if st.attempt == nil {
		st.conn.pool.endpoint.Release()
	}
}

// abandon ends a stream whose attempt goes elsewhere; the attempt keeps the load.
func (st *stream) abandon() {
	if st.flags&closed == 0 {
		st.Close()
	}
	st.attempt = nil
}

// vanish tells the session that its stream is gone.
func (st *stream) vanish(err error) {
	if st.flags&closed == 0 {
		st.flags |= closed
		st.release()
		st.sink.OnBackendLost(err)
	}
}

// violated resets a stream on which the endpoint broke the protocol.
func (st *stream) violated(err *h2.Error) {
	pc := st.conn
	pc.count(err)
	pc.reset(st.id, err.Code)
	st.flags |= localEnded | remoteEnded
	pc.forget(st)
	if st.attempt != nil {
		st.attempt.note(err.Text)
		st.attempt.refuse(RefusedAnswer)
	} else {
		st.vanish(err)
	}
	pc.vacated()
}

func (pc *poolConn) reset(id uint32, code h2.ErrorCode) {
	if pc.state != lost {
		pc.queue(h2.AppendReset(pc.scratch(), id, code))
	}
}

// count notes a fault under its name.
func (pc *poolConn) count(err *h2.Error) {
	pc.pool.links.stats.fault(err.Reason, 1)
}
