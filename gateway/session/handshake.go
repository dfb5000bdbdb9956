package session

import (
	"context"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"github.com/valyala/bytebufferpool"

	"weir/codec/deflate"
	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/gateway/reasons"
	"weir/upstream"
)

// handshake is what a session needs only until it has an answer.
type handshake struct {
	request  http1.Request              // views of lent bytes: of no use once ask has returned
	head     *bytebufferpool.ByteBuffer // the request so far, if it came in pieces
	early    *bytebufferpool.ByteBuffer // bytes behind the request, kept until the backend has said 101
	attempt  *upstream.Attempt          // while a backend is being asked
	stop     context.CancelFunc         // while somebody is asked about the credential
	closed   []*Choice                  // calls meanwhile that close sessions, of the user perhaps
	accept   [28]byte
	peer     netip.Addr     // the client's socket, or who a PROXY header names
	asked    bool           // peer is known
	local    netip.AddrPort // where the client connected to, if a PROXY header tells
	hops     []netip.Addr   // room for the proxies that it came through
	deflate  deflate.Params // agreed on with the client, if deflates
	sticky   uint64         // the endpoint that its cookie names; 0: none
	secure   bool           // it came over TLS, here or at a trusted proxy
	deflates bool
	terms    string        // of TLS, on a connection that was kept; "": it was not
	to       *plan.Route   // as soon as it is known
	other    string        // protocol other than WebSocket that it asks for and the route lets pass; "": none
	plain    bool          // it asks for no WebSocket, and to is known: a refusal is dressed
	page     []http1.Field // by which a page can read that
	trail    upstream.Trail
	host     string // for the access log, if there is one, as all that follow
	path     string
	agent    string
	trace    string // traceparent (W3C Trace Context)

	ownID     observe.RequestID
	requestID string // for the access log: that of a trusted proxy, or made here
	origin    string // that is denied
	detail    string // what is wrong with the credential
}

var handshakes = sync.Pool{New: func() any { return new(handshake) }}

func newHandshake() *handshake { return handshakes.Get().(*handshake) }

func (s *session) dropHandshake() {
	h := s.hs
	if h == nil {
		return
	}
	s.hs = nil
	if h.attempt != nil {
		h.attempt.Cancel()
	}
	if h.stop != nil {
		h.stop()
	}
	for _, b := range []*bytebufferpool.ByteBuffer{h.head, h.early} {
		if b != nil {
			bytebufferpool.Put(b)
		}
	}
	h.request.Reset()
	*h = handshake{request: h.request, hops: h.hops[:0]}
	handshakes.Put(h)
}

// greet reads the client's request. It is parsed where it lies if it came whole, as it mostly does.
func (s *session) greet(b []byte) {
	h, b := s.collect(b)
	n, why := h.request.Parse(b, s.lane.plan.HeadLimits)
	switch {
	case why != nil:
		s.refuse(why)
	case n > 0:
		s.dispatch(b, n)
	default:
		h.keep(b)
	}
}

// collect gives all that has come of what is being read, where it lies if it came in one piece.
func (s *session) collect(b []byte) (*handshake, []byte) {
	if s.hs == nil {
		s.hs = newHandshake()
	}
	h := s.hs
	if h.head != nil {
		h.head.B = append(h.head.B, b...)
		b = h.head.B
	}
	return h, b
}

// keep copies what was gathered, for it is only lent.
func (h *handshake) keep(b []byte) {
	if h.head == nil {
		h.head = bytebufferpool.Get()
		h.head.B = append(h.head.B, b...)
	}
}

// dispatch finds where the request in b[:n] is to go; b[n:] came behind it.
func (s *session) dispatch(b []byte, n int) {
	h := s.hs
	q := h.question(s)
	s.logAsked(q.From.RequestID)
	r, why := s.lane.plan.Find(&q)
	h.to = r
	if r != nil {
		h.asksOther(r, &q)
	}
	if h.plain = r != nil && !q.Upgrade; h.plain {
		page, pages := h.request.Only("origin")
		h.page = r.Gate.CORSFields(page, pages, q.OriginHost(), q.From.TLS)
	}
	if !s.lane.plan.AllowsHandshake(q.From.Addr) {
		why = reasons.RefusedRate
	}
	if why == nil && !q.Upgrade && r.Plain != nil {
		s.handOver(b, q.From.Addr)
		return
	}
	s.believe(q.From.Addr)
	switch {
	case why != nil:
	case q.Upgrade:
		s.enter(r, &q, b, n)
		return
	default:
		why = http1.NotUpgrade
	}
	s.refuse(why)
}

// enter tells whether a handshake may go on to the route's backends.
func (s *session) enter(to *plan.Route, q *plan.Question, b []byte, n int) {
	h := s.hs
	why := h.check()
	switch {
	case why != nil:
	case !to.Gate.AllowsOrigin(q, &h.request):
		h.origin = observe.Clipped(h.request.Get("origin"))
		why = reasons.RefusedOrigin
	case to.Gate.Auth == nil:
		s.ask(to, q, nil, b[n:])
		return
	default:
		s.authenticate(to, q, b, n)
		return
	}
	s.refuse(why)
}

// question is what routes are chosen by.
func (h *handshake) question(s *session) plan.Question {
	r := &h.request
	q := plan.Question{Method: r.Method, Host: r.Host, Path: r.Path, Query: r.Query, Asks: r, Upgrade: r.AsksUpgrade(), Terms: h.terms}
	if s.lane.plan.Certs != nil {
		q.State = s.client.TLSState()
	}
	q.From = s.origin(q.State)
	return q
}

// ask turns the client's request into one of our own, and looks for a backend that takes it. The client is
// not read meanwhile; early is what it sent behind its request.
func (s *session) ask(to *plan.Route, q *plan.Question, who *auth.Identity, early []byte) {
	h, sh := s.hs, s.lane.shard
	if why := sh.proc.admit(s, q.From.Addr); why != nil {
		s.refuse(why)
		return
	}
	if h.other == "" {
		h.accept = http1.Accept(h.request.Key)
	}
	if len(early) > 0 {
		h.early = bytebufferpool.Get()
		h.early.B = append(h.early.B, early...)
	}
	r := upstream.Request{Key: to.HashKey(q.From.Addr, h.request.Path, &h.request, who), Target: to.Target(&h.request),
		WebSocketKey: h.request.Key, Method: h.request.Method, Protocol: h.other, Client: q.From.Addr, Source: s.from(), Destination: s.local(), Trail: &h.trail}
	if to.Sticky != nil {
		h.sticky, _ = to.Sticky.Read(h.request.Cookie(to.Config.StickyCookie), time.Now())
		r.Prefer = h.sticky
	}
	h.secure = q.From.TLS
	if to.Compression != nil && h.other == "" {
		h.deflate, h.deflates = to.Compression.Agree(&h.request)
	}
	if q.From.RequestID == "" {
		h.ownID.Fill()
		q.From.RequestID = unsafe.String(&h.ownID[0], len(h.ownID)) // a view, as that of a request's is
		if sh.proc.Access.On() {
			h.requestID = string(h.ownID[:])
		}
	}
	h.request.Fields, r.Target = to.Clean(h.request.Fields, r.Target, who)
	sh.fields, r.Host, sh.scratch = to.Headers.Forward(sh.fields[:0], sh.scratch[:0], &h.request, q.From)
	sh.fields = to.Filter(sh.fields)
	if who != nil {
		sh.fields = append(sh.fields, who.Fields...)
		s.know(who)
	}
	r.Fields = sh.fields
	s.enterLane(sh.laneOf(to))
	if to.Meter != nil && to.Meter.Own {
		s.spent = new(spent)
	}
	s.keepHandshake(&r)
	var why *http1.Refusal
	h.attempt, why = s.lane.links.Open(&r, s)
	clear(sh.fields)
	if why != nil {
		s.refuse(why)
		return
	}
	s.phase = asking
	s.loop().Cancel(&s.timer) // the attempt has deadlines of its own
	s.client.Pause()
	h.letGo()
}

// letGo forgets the bytes that were read. What is still needed of them has been copied.
func (h *handshake) letGo() {
	h.request.Reset()
	if h.head != nil {
		bytebufferpool.Put(h.head)
		h.head = nil
	}
}
