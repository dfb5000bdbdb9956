package upstream

import (
	"errors"
	"sync"
	"time"

	"github.com/valyala/bytebufferpool"

	"weir/codec"
	"weir/codec/http1"
	"weir/codec/proxyproto"
	"weir/netpoll"
)

var errShortBody = errors.New("the backend closed the connection inside its answer's body")

// tunnel is the stream that has a connection of its own. All of it is owned by the loop.
type tunnel struct {
	conn     netpoll.Conn
	sink     Sink
	endpoint *Endpoint // once it has answered
	answer   *answer   // until the backend has answered 101
	attempt  *Attempt  // until it has answered at all
	counted  bool      // as the endpoint's load
	unused   bool      // it has answered, and nothing was written since
}

// answer is what a tunnel needs only while the backend's answer is read.
type answer struct {
	parsed http1.Response
	head   *bytebufferpool.ByteBuffer // the answer so far if it came in pieces
	body   http1.Body                 // of an answer that is no upgrade
	dialed time.Duration
}

var answers = sync.Pool{New: func() any { return new(answer) }}

func (n *answer) free() {
	if n.head != nil {
		bytebufferpool.Put(n.head)
	}
	n.parsed.Reset()
	*n = answer{parsed: n.parsed}
	answers.Put(n)
}

func dialTunnel(a *Attempt) error {
	t := &tunnel{sink: a.sink, attempt: a, answer: answers.Get().(*answer)}
	ls, e := a.links, a.endpoint
	t.answer.dialed = ls.loop.Now()
	if err := ls.loop.Connect(&t.conn, e.Addr, t); err != nil {
		t.dropAnswer()
		return err
	}
	if e.Spec.Proxy != 0 { // in clear, before TLS
		ls.scratch = proxyproto.Append(ls.scratch[:0], e.Spec.Proxy, a.request.Source, a.request.Destination)
		t.conn.Write(ls.scratch)
	}
	ls.secure(&t.conn, e.Addr, e.vitals.tls.Load().tunnel)
	a.way = t
	return nil
}

func (t *tunnel) Write(b []byte)      { t.unused = false; t.conn.Write(b) }
func (t *tunnel) Queue(b []byte)      { t.unused = false; t.conn.Queue(b) }
func (t *tunnel) Buffered() int       { return t.conn.Buffered() }
func (t *tunnel) Delivered() bool     { return t.conn.Delivered() }
func (t *tunnel) Full(limit int) bool { return t.conn.Full(limit) }
func (t *tunnel) Pause()              { t.conn.Pause() }
func (t *tunnel) Resume()             { t.conn.Resume() }
func (t *tunnel) CloseWrite()         { t.conn.CloseWrite() }
func (t *tunnel) Shared() bool        { return false }
func (t *tunnel) Endpoint() *Endpoint { return t.endpoint }

// Parted: the backend ends TCP, as the server it is (RFC 6455 section 7.1.1).
func (t *tunnel) Parted(bool) {}

func (t *tunnel) Close() {
	t.abandon()
	if t.counted {
		t.endpoint.Release()
		t.counted = false
	}
}

func (t *tunnel) abandon() {
	t.conn.Abort(t.unused)
	t.dropAnswer()
}

func (t *tunnel) dropAnswer() {
	if t.answer != nil {
		t.answer.free()
		t.answer = nil
	}
}

func (t *tunnel) OnConnect(*netpoll.Conn) {
	a := t.attempt
	d := a.links.dialer
	if !a.endpoint.Spec.Secure() {
		a.endpoint.ConnectOK()
	}
	if d.OnConnect != nil {
		d.OnConnect(a.endpoint, a.links.loop.Now()-t.answer.dialed)
	}
	a.asked()
	r := &a.request
	if r.Protocol != "" {
		a.links.scratch = http1.AppendOther(a.links.scratch[:0], r.Method, r.Target, r.Host, r.Protocol, r.Fields)
	} else {
		a.links.scratch = http1.AppendUpgrade(a.links.scratch[:0], r.Target, r.Host, r.WebSocketKey, r.Fields)
	}
	t.conn.Write(a.links.scratch)
}

func (t *tunnel) OnData(_ *netpoll.Conn, b []byte) {
	switch n := t.answer; {
	case n == nil:
		t.sink.OnBackendData(b)
	case t.attempt == nil:
		t.readBody(b)
	case n.head != nil:
		n.head.B = append(n.head.B, b...)
		t.readAnswer(n.head.B)
	default:
		t.readAnswer(b)
	}
}

func (t *tunnel) OnDrained(*netpoll.Conn) {
	if t.attempt == nil {
		t.sink.OnBackendDrained()
	}
}

func (t *tunnel) OnEOF(*netpoll.Conn) {
	switch {
	case t.attempt != nil:
		t.attempt.refuse(RefusedClosed)
	case t.answer == nil || t.answer.body.UntilClose():
		t.sink.OnBackendEOF()
	default:
		t.Close()
		t.sink.OnBackendLost(errShortBody)
	}
}

func (t *tunnel) OnClose(_ *netpoll.Conn, err error) {
	a := t.attempt
	if a == nil {
		t.Close()
		t.sink.OnBackendLost(err)
		return
	}
	why, refusal := explain(err)
	a.note(why)
	switch {
	case !a.sent:
		a.failed(why, refusal)
	case refusal == RefusedTLS: // with TLS 1.3, what the backend thinks of our certificate comes behind our handshake
		a.endpoint.ConnectFailed(why)
		a.refuse(RefusedTLS)
	default:
		a.refuse(RefusedClosed)
	}
}

// readAnswer parses the head of the backend's answer. Interim answers (1xx) before it mean nothing here.
func (t *tunnel) readAnswer(b []byte) {
	a, parsed := t.attempt, &t.answer.parsed
	for {
		n, fault := parsed.Parse(b, a.links.dialer.Limits)
		if n == 0 && fault == nil {
			t.keepAnswer(b)
			return
		}
		if fault == nil && parsed.Status == 101 {
			fault = a.request.checkSwitch(parsed)
		}
		switch {
		case fault != nil:
			a.note(fault.Text)
			a.refuse(RefusedAnswer)
			return
		case parsed.Status == 101:
			t.switched(b[n:])
			return
		case parsed.Status >= 200:
			t.declined(b[n:])
			return
		}
		b = b[n:]
		parsed.Reset()
	}
}

// checkSwitch tells whether a 101 is to what was asked for.
func (r *Request) checkSwitch(a *http1.Response) *codec.ProtocolError {
	if r.Protocol != "" {
		return a.CheckOtherSwitch(r.Protocol)
	}
	accept := http1.Accept(r.WebSocketKey)
	return a.CheckSwitch(accept[:])
}

// keepAnswer copies an incomplete head, since what b is made of is only lent.
func (t *tunnel) keepAnswer(b []byte) {
	if t.answer.head == nil {
		t.answer.head = bytebufferpool.Get()
	}
	t.answer.head.B = append(t.answer.head.B[:0], b...)
}

// answered makes the tunnel the session's stream.
func (t *tunnel) answered() {
	t.endpoint, t.counted, t.unused = t.attempt.endpoint, true, true
	if t.endpoint.Spec.Secure() { // only now is it known that our certificate was taken, see OnClose
		t.endpoint.ConnectOK()
	}
	t.attempt.hand(t.answer.parsed.Status)
	t.attempt = nil
}

// switched passes a 101 on, and what came right behind it.
func (t *tunnel) switched(rest []byte) {
	n := t.answer
	t.answered()
	t.answer = nil
	t.sink.OnAnswer(t, &n.parsed)
	if len(rest) > 0 && t.conn.Open() {
		t.sink.OnBackendData(rest)
	}
	n.free()
}

// declined passes any other answer on, with its body.
func (t *tunnel) declined(rest []byte) {
	var body http1.Body // an answer to HEAD has none (RFC 9112 section 6.3)
	var fault *codec.ProtocolError
	if string(t.attempt.request.Method) != "HEAD" {
		body, fault = t.answer.parsed.Body()
	}
	if fault != nil {
		t.attempt.note(fault.Text)
		t.attempt.refuse(RefusedAnswer)
		return
	}
	n := t.answer
	n.body = body
	t.answered()
	t.sink.OnAnswer(t, &n.parsed)
	if t.answer == n {
		t.readBody(rest)
	}
}

// readBody passes body bytes on as they are framed, up to the body's end.
func (t *tunnel) readBody(b []byte) {
	n := t.answer
	used, done, fault := n.body.Scan(b)
	if used > 0 {
		t.sink.OnBackendData(b[:used])
	}
	switch {
	case t.answer != n: // closed by the sink
	case fault != nil:
		t.Close()
		t.sink.OnBackendLost(fault)
	case done:
		t.Close()
		t.sink.OnBackendEOF()
	}
}
