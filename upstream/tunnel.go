package upstream

import (
	"errors"

	"github.com/valyala/bytebufferpool"

	"weir/codec/http1"
	"weir/netpoll"
)

var errShortBody = errors.New("the backend closed the connection inside its answer's body")

// tunnel is the stream that has a connection of its own. All of it is owned by the loop.
type tunnel struct {
	conn     netpoll.Conn
	sink     Sink
	endpoint *Endpoint
	attempt  *attempt // nil once the backend has answered 101
	left     bool     // the endpoint's load no longer counts us
}

func (t *tunnel) Write(b []byte)      { t.conn.Write(b) }
func (t *tunnel) Queue(b []byte)      { t.conn.Queue(b) }
func (t *tunnel) Buffered() int       { return t.conn.Buffered() }
func (t *tunnel) NotifyDrained()      { t.conn.NotifyDrained() }
func (t *tunnel) Pause()              { t.conn.Pause() }
func (t *tunnel) Resume()             { t.conn.Resume() }
func (t *tunnel) CloseWrite()         { t.conn.CloseWrite() }
func (t *tunnel) Endpoint() *Endpoint { return t.endpoint }

func (t *tunnel) Close() {
	t.conn.Close()
	t.leave()
	t.answered()
}

// leave takes the session off the endpoint's load, once for each dial.
func (t *tunnel) leave() {
	if !t.left {
		t.left = true
		t.endpoint.Release()
	}
}

func (t *tunnel) answered() {
	if t.attempt != nil {
		t.attempt.release()
		t.attempt = nil
	}
}

func (t *tunnel) refuse(why *http1.Refusal) {
	t.Close()
	t.sink.OnRefused(why)
}

func (t *tunnel) OnConnect(*netpoll.Conn) {
	a := t.attempt
	a.connected = true
	t.endpoint.ConnectOK()
	if measure := a.dialer.OnConnect; measure != nil {
		measure(t.endpoint, a.loop.Now()-a.dialed)
	}
	a.loop.Schedule(&a.timer, a.dialer.AnswerTimeout, t)
	t.conn.Write(a.head.B)
}

// OnTimer is the end of the connect timeout or of the answer timeout.
func (t *tunnel) OnTimer(*netpoll.Timer) {
	if !t.attempt.connected {
		t.retry("connect timed out", RefusedSlow)
		return
	}
	t.refuse(RefusedSilent)
}

func (t *tunnel) retry(reason string, why *http1.Refusal) {
	t.conn.Close()
	t.leave()
	if why := t.next(reason, why); why != nil {
		t.refuse(why)
	}
}

func (t *tunnel) OnData(_ *netpoll.Conn, b []byte) {
	switch a := t.attempt; {
	case a == nil:
		t.sink.OnBackendData(b)
	case a.inBody:
		t.readBody(b)
	case a.answer != nil:
		a.answer.B = append(a.answer.B, b...)
		t.readAnswer(a.answer.B)
	default:
		t.readAnswer(b)
	}
}

func (t *tunnel) OnDrained(*netpoll.Conn) { t.sink.OnBackendDrained() }

func (t *tunnel) OnEOF(*netpoll.Conn) {
	switch a := t.attempt; {
	case a == nil:
		t.sink.OnBackendEOF()
	case a.inBody && a.body.UntilClose():
		t.answered()
		t.sink.OnBackendEOF()
	case a.inBody:
		t.Close()
		t.sink.OnBackendLost(errShortBody)
	default:
		t.refuse(RefusedClosed)
	}
}

func (t *tunnel) OnClose(_ *netpoll.Conn, err error) {
	switch a := t.attempt; {
	case a == nil || a.inBody:
		t.Close()
		t.sink.OnBackendLost(err)
	case !a.connected:
		t.retry(err.Error(), RefusedConnect)
	default:
		t.refuse(RefusedClosed)
	}
}

// readAnswer parses the head of the backend's answer. Interim answers (1xx) before it mean nothing here.
func (t *tunnel) readAnswer(b []byte) {
	a := t.attempt
	for {
		n, fault := a.parsed.Parse(b, a.dialer.Limits)
		if n == 0 && fault == nil {
			t.keepAnswer(b)
			return
		}
		if fault == nil && a.parsed.Status == 101 {
			fault = a.parsed.CheckSwitch(a.accept[:])
		}
		if fault != nil {
			t.refuse(RefusedAnswer)
			return
		}
		if a.parsed.Status == 101 {
			t.switched(b[n:])
			return
		}
		if a.parsed.Status >= 200 {
			t.declined(b[n:])
			return
		}
		b = b[n:]
		a.parsed.Reset()
	}
}

// keepAnswer copies an incomplete head, since what b is made of is only lent.
func (t *tunnel) keepAnswer(b []byte) {
	a := t.attempt
	if a.answer == nil {
		a.answer = bytebufferpool.Get()
	}
	a.answer.B = append(a.answer.B[:0], b...)
}

// switched passes a 101 on, and what came right behind it.
func (t *tunnel) switched(rest []byte) {
	a := t.attempt
	t.attempt = nil
	t.sink.OnAnswer(&a.parsed)
	if len(rest) > 0 && t.conn.Open() {
		t.sink.OnBackendData(rest)
	}
	a.release()
}

// declined passes any other answer on, with its body.
func (t *tunnel) declined(rest []byte) {
	a := t.attempt
	body, fault := a.parsed.Body()
	if fault != nil {
		t.refuse(RefusedAnswer)
		return
	}
	a.body, a.inBody = body, true
	t.sink.OnAnswer(&a.parsed)
	if t.attempt != nil {
		t.readBody(rest)
	}
}

// readBody passes body bytes on as they are framed, up to the body's end. The answer timeout stays set: it
// bounds a body that trickles as well.
func (t *tunnel) readBody(b []byte) {
	a := t.attempt
	n, done, fault := a.body.Scan(b)
	if n > 0 {
		t.sink.OnBackendData(b[:n])
	}
	switch {
	case t.attempt == nil: // closed by the sink
	case fault != nil:
		t.Close()
		t.sink.OnBackendLost(fault)
	case done:
		t.Close()
		t.sink.OnBackendEOF()
	}
}
