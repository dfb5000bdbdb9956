package upstream

import (
	"encoding/binary"
	"time"

	"weir/codec/h2"
	"weir/codec/http1"
	"weir/internal/table"
	"weir/netpoll"
)

type connState uint8

const (
	dialing  connState = iota
	greeting           // connected, waiting for the endpoint's SETTINGS (RFC 8441 section 3)
	ready
	leaving // no new streams; those it has live on
	lost
)

const (
	connWindow   = 16 << 20 // bytes in flight on one connection; credited on receipt, so it never holds anybody up
	bigPayload   = 8 << 10  // sent from where it lies rather than copied behind what is queued
	connQueue    = 256 << 10
	maxAnswers   = 256 << 10 // bytes of answers that an endpoint may leave unread
	lastStream   = 1<<31 - 1
	maxFrameSize = 16 << 10
	minSpread    = 64 // sessions of a lost connection that are closed at once, whatever the pace
	spreadStep   = 20 * time.Millisecond
	mostKept     = 4096 // streams, that count as all where the endpoint sets no limit
)

// poolConn is one HTTP/2 connection to an endpoint (RFC 9113), shared by many sessions. Owned by the loop.
type poolConn struct {
	conn    netpoll.Conn
	pool    *pool
	reader  *h2.Reader
	encoder *h2.Encoder
	streams table.Table[*stream] // open ones, those that wait for an answer, and those kept
	kept    int                  // of those, whose sessions are over, see keep
	next    uint32               // number of the next stream
	state   connState

	window    h2.Window // what the endpoint takes on the connection
	initial   uint32    // its INITIAL_WINDOW_SIZE, which new streams begin with
	maxFrame  int
	answers   int       // bytes of answers to PING and SETTINGS since the queue was last empty
	uncounted uint32    // bytes received that the connection's window was not credited for
	blocked   []*stream // that hold bytes and wait for the connection, in turn

	timer      netpoll.Timer
	dialed     time.Duration
	heard      time.Duration
	refilled   time.Duration
	emptySince time.Duration
	pingAt     time.Duration // of the PING that is not answered; 0: none
	orphans    []*stream     // of a lost connection, to be told at a pace
	perStep    int
}

// dial begins a connection. Its timer is the connect timeout, up to the endpoint's SETTINGS.
func (p *pool) dial() error {
	ls := p.links
	ours := h2.DefaultSettings()
	ours.EnablePush = false
	ours.InitialWindowSize = uint32(ls.dialer.Pool.Window)
	ours.MaxFrameSize = maxFrameSize
	ours.MaxHeaderListSize = uint32(ls.dialer.Limits.Head)
	limits := h2.DefaultLimits()
	limits.Fields = ls.dialer.Limits.Fields
	limits.Flood = 1 << 16
	pc := &poolConn{pool: p, reader: h2.NewReader(h2.Client, ours, limits), encoder: h2.NewEncoder(),
		next: 1, window: h2.NewWindow(h2.InitialWindow), initial: h2.InitialWindow,
		maxFrame: maxFrameSize, dialed: ls.loop.Now()}
	if err := ls.loop.Connect(&pc.conn, p.endpoint.Addr, pc); err != nil {
		return err
	}
	pc.conn.Bulky()
	ls.secure(&pc.conn, p.endpoint.Addr, p.endpoint.vitals.tls.Load().pool)
	p.conns = append(p.conns, pc)
	ls.loop.Schedule(&pc.timer, ls.dialer.ConnectTimeout, pc)
	b := h2.AppendPreface(ls.scratch[:0], ours)
	ls.scratch = h2.AppendWindowUpdate(b, 0, connWindow-h2.InitialWindow)
	pc.conn.Queue(ls.scratch)
	return nil
}

func (pc *poolConn) OnConnect(c *netpoll.Conn) {
	if state := c.TLSState(); state != nil && state.NegotiatedProtocol != alpnHTTP2 {
		pc.gone() // and the preface, which was only queued, with it
		pc.pool.unfit(notHTTP2)
		return
	}
	pc.state = greeting
	if d := pc.pool.links.dialer; d.OnConnect != nil {
		d.OnConnect(pc.pool.endpoint, pc.pool.links.loop.Now()-pc.dialed)
	}
}

func (pc *poolConn) OnDrained(*netpoll.Conn) {
	pc.unblock()
	pc.pool.serve()
}

func (pc *poolConn) OnEOF(*netpoll.Conn) { pc.lose("the endpoint closed the connection") }

func (pc *poolConn) OnClose(_ *netpoll.Conn, err error) { pc.loseFor(explain(err)) }

// OnTimer is the connect timeout, or the pace at which sessions of a lost connection are told.
func (pc *poolConn) OnTimer(*netpoll.Timer) {
	if pc.state == lost {
		pc.tellOrphans()
		return
	}
	pc.loseFor(pc.pool.endpoint.timedOut(), RefusedSlow)
}

// limit is how many streams the connection may have.
func (pc *poolConn) limit() int {
	n := int(min(pc.reader.Peer().MaxConcurrentStreams, 1<<30))
	if m := pc.pool.links.dialer.Pool.MaxStreams; m > 0 {
		n = min(n, m)
	}
	return n
}

// stuck tells whether the endpoint is so far behind with reading that it must not be asked more: requests are not held back
// by windows, and whoever asks and leaves frees a stream but not what is queued of it. OnDrained tells when it goes on.
func (pc *poolConn) stuck() bool { return pc.conn.Full(connQueue - 1) }

// usable is called with the endpoint's first SETTINGS.
func (pc *poolConn) usable() {
	p := pc.pool
	p.links.loop.Cancel(&pc.timer)
	if !pc.reader.Peer().EnableConnect {
		pc.end(h2.NoError, "no extended CONNECT")
		p.unfit("the endpoint speaks HTTP/2 but does not offer WebSocket over it (RFC 8441 ENABLE_CONNECT_PROTOCOL)")
		return
	}
	pc.state = ready
	now := p.links.loop.Now()
	pc.heard, pc.emptySince, pc.refilled = now, now, now
	p.endpoint.vitals.protocol.Store(protocolPool)
	p.endpoint.ConnectOK()
	p.links.stats.Opened++
	p.links.stats.Connections++
	p.serve()
}

// keepAlive asks for a sign of life after a silence, and gives up without one.
func (pc *poolConn) keepAlive(now time.Duration) {
	o := &pc.pool.links.dialer.Pool
	switch {
	case o.PingInterval == 0 || now-pc.heard < o.PingInterval:
		pc.pingAt = 0
	case pc.pingAt == 0:
		pc.pingAt = now
		var data [8]byte
		binary.BigEndian.PutUint64(data[:], uint64(now))
		pc.queue(h2.AppendPing(pc.scratch(), data))
	case now-pc.pingAt >= o.PingTimeout:
		pc.pool.endpoint.ConnectFailed("no answer to PING")
		pc.lose("no answer to PING")
	}
}

// leave takes no new streams, and closes when the last one has ended.
func (pc *poolConn) leave(code h2.ErrorCode, why string) {
	if pc.state == ready {
		pc.state = leaving
		pc.pool.links.stats.Connections--
	}
	if pc.used() == 0 {
		pc.end(code, why)
	}
}

// used is how many streams have a session, or a request that waits for its answer.
func (pc *poolConn) used() int { return pc.streams.Len() - pc.kept }

// keep leaves a stream in its place whose session is over, and which the endpoint has not ended behind both close frames: to
// the endpoint it may still be one of those that it allows. A connection that lost a quarter of its places so is left.
func (pc *poolConn) keep() {
	if pc.kept++; pc.state == ready && pc.kept*4 >= min(pc.limit(), mostKept) {
		pc.leave(h2.NoError, "too many streams stay open behind their close frames")
		pc.pool.serve()
		return
	}
	pc.vacated()
}

// forget takes a stream that the endpoint has ended off the table.
func (pc *poolConn) forget(st *stream) {
	pc.streams.Delete(st.id)
	if st.flags&closed != 0 {
		pc.kept--
	}
}

// end closes the connection in order, with nobody on it.
func (pc *poolConn) end(code h2.ErrorCode, why string) {
	if pc.state == lost {
		return
	}
	pc.goAway(code, why)
	pc.gone()
}

// goAway writes GOAWAY at once, since to close the connection drops what is only collected.
func (pc *poolConn) goAway(code h2.ErrorCode, why string) {
	pc.pool.links.loop.Collect(false)
	pc.conn.Write(h2.AppendGoAway(pc.scratch(), 0, code, why))
}

// fault ends a connection whose endpoint broke the protocol.
func (pc *poolConn) fault(err *h2.Error) {
	if pc.state == lost {
		return
	}
	pc.count(err)
	pc.goAway(err.Code, err.Reason)
	if pc.state >= ready { // else failing those who wait counts it
		pc.pool.endpoint.ConnectFailed(err.Reason)
	}
	pc.lose(err.Text)
}

// gone takes the connection out of service.
func (pc *poolConn) gone() {
	p := pc.pool
	if pc.state == ready {
		p.links.stats.Connections--
	}
	pc.state = lost
	p.links.loop.Cancel(&pc.timer)
	pc.conn.Close()
	p.remove(pc)
}

// lose deals with the end of a connection that nobody wished for. Requests without an answer are refused, since
// the endpoint may have acted on them; sessions are told at a pace, lest all their clients come back at once.
func (pc *poolConn) lose(why string) { pc.loseFor(why, RefusedConnect) }

// loseFor is lose with the answer to those who waited for the connection, if no other endpoint has one.
func (pc *poolConn) loseFor(why string, refusal *http1.Refusal) {
	if pc.state == lost {
		return
	}
	p, was := pc.pool, pc.state
	pc.gone()
	switch {
	case was == greeting && p.endpoint.Spec.Tunnels() && p.endpoint.vitals.protocol.Load() != protocolPool:
		p.unfit(why) // connected, and never an HTTP/2 SETTINGS; another loop may have found that out just now
		if pc.heard == 0 && refusal != RefusedSlow {
			p.endpoint.vitals.doubt()
		}
		return
	case was < ready:
		p.fail(why, refusal)
		return
	}
	p.links.stats.Lost++
	p.endpoint.vitals.lost(p.endpoint, pc.used(), why)
	for _, st := range pc.blocked {
		st.flags &^= inTurn // one by one they would look for themselves here
	}
	pc.blocked = nil
	for _, st := range pc.streams.All() {
		pc.streams.Delete(st.id)
		st.flags |= localEnded | remoteEnded
		if st.attempt != nil {
			st.attempt.note(why)
			st.attempt.refuse(RefusedClosed)
			continue
		}
		pc.orphans = append(pc.orphans, st) // closed ones among them are passed over when their turn comes
	}
	steps := max(1, int(p.links.dialer.Pool.Spread/spreadStep))
	pc.perStep = max(minSpread, (len(pc.orphans)+steps-1)/steps)
	pc.tellOrphans()
	p.serve()
}

func (pc *poolConn) tellOrphans() {
	n := min(pc.perStep, len(pc.orphans))
	told := pc.orphans[:n]
	pc.orphans = pc.orphans[n:]
	for _, st := range told {
		st.vanish(errConnLost)
	}
	if len(pc.orphans) > 0 {
		pc.pool.links.loop.Schedule(&pc.timer, spreadStep, pc)
	}
}

func (pc *poolConn) scratch() []byte { return pc.pool.links.scratch[:0] }

// queue sends b, made in the scratch buffer, at the end of the batch.
func (pc *poolConn) queue(b []byte) {
	pc.conn.Queue(b)
	pc.pool.links.scratch = b
}
