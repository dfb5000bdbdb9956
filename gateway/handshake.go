package gateway

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/valyala/bytebufferpool"

	"weir/codec/deflate"
	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/config"
	"weir/upstream"
)

// handshake is what a session needs only until it has an answer.
type handshake struct {
	request  http1.Request              // views of lent bytes: of no use once ask has returned
	head     *bytebufferpool.ByteBuffer // the request so far, if it came in pieces
	early    *bytebufferpool.ByteBuffer // bytes behind the request, kept until the backend has said 101
	attempt  *upstream.Attempt          // while a backend is being asked
	stop     context.CancelFunc         // while somebody is asked about the credential
	accept   [28]byte
	peer     netip.Addr     // the client's socket, or who a PROXY header names
	asked    bool           // peer is known
	local    netip.AddrPort // where the client connected to, if a PROXY header tells
	hops     []netip.Addr   // room for the proxies that it came through
	deflate  deflate.Params // agreed on with the client, if deflates
	sticky   uint64         // the endpoint that its cookie names; 0: none
	secure   bool           // it came over TLS, here or at a trusted proxy
	deflates bool
	host     string // for the access log, if there is one
	path     string
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
	h, b := s.gather(b)
	n, why := h.request.Parse(b, s.lane.shard.gw.headLimits)
	switch {
	case why != nil:
		s.refuse(why)
	case n > 0:
		s.route(b, n)
	default:
		h.keep(b)
	}
}

// gather gives all that has come of what is being read, where it lies if it came in one piece.
func (s *session) gather(b []byte) (*handshake, []byte) {
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

// route finds where the request in b[:n] is to go; b[n:] came behind it.
func (s *session) route(b []byte, n int) {
	h, sh := s.hs, s.lane.shard
	q := h.question(s)
	r, why := sh.gw.direct(&q)
	if !sh.gw.welcome(q.from.Addr) {
		why = refusedRate
	}
	if why == nil && !q.upgrade && r.plan != nil {
		s.handOver(b, q.from.Addr)
		return
	}
	s.believe(q.from.Addr)
	switch {
	case why != nil:
	case q.upgrade:
		s.enter(r, &q, b, n)
		return
	default:
		why = http1.NotUpgrade
	}
	s.refuse(why)
}

// enter tells whether a handshake may go on to the route's backends.
func (s *session) enter(to *route, q *question, b []byte, n int) {
	h := s.hs
	why := h.request.CheckUpgrade()
	switch {
	case why != nil:
	case !to.gate.allows(q, &h.request):
		why = refusedOrigin
	case to.gate.auth == nil:
		s.ask(to, q, nil, b[n:])
		return
	default:
		s.prove(to, q, b, n)
		return
	}
	s.refuse(why)
}

// question is what routes are chosen by.
func (h *handshake) question(s *session) question {
	r := &h.request
	q := question{host: r.Host, path: r.Path, query: r.Query, asks: r, upgrade: r.AsksUpgrade()}
	if s.lane.shard.gw.certs != nil {
		q.state = s.client.TLSState()
	}
	q.from = s.origin(q.state)
	return q
}

// ask turns the client's request into one of our own, and looks for a backend that takes it. The client is
// not read meanwhile; early is what it sent behind its request.
func (s *session) ask(to *route, q *question, who *auth.Identity, early []byte) {
	h, sh := s.hs, s.lane.shard
	gw := sh.gw
	if why := gw.admit(s, q.from.Addr); why != nil {
		s.refuse(why)
		return
	}
	h.accept = http1.Accept(h.request.Key)
	gw.access.asked(h)
	if len(early) > 0 {
		h.early = bytebufferpool.Get()
		h.early.B = append(h.early.B, early...)
	}
	r := upstream.Request{Key: to.hashKey(q.from.Addr, h.request.Path, &h.request, who), Target: to.target(&h.request),
		WebSocketKey: h.request.Key, Source: s.from(), Destination: s.local()}
	if to.sticky != nil {
		h.sticky, _ = to.sticky.Read(h.request.Cookie(to.cfg.StickyCookie), time.Now())
		r.Prefer = h.sticky
	}
	h.secure = q.from.TLS
	if to.press != nil {
		h.deflate, h.deflates = to.press.agree(&h.request)
	}
	sh.fields, r.Host, sh.scratch = to.headers.Forward(sh.fields[:0], sh.scratch[:0], &h.request, q.from)
	if to.gate.auth != nil {
		sh.fields = to.gate.tell(sh.fields, &r, who, to.cfg.AuthStrip)
	}
	r.Fields = sh.fields
	s.lane = &sh.lanes[to.index]
	if who != nil {
		s.know(who)
	}
	if to.meter != nil {
		s.spent = new(spent)
	}
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
}

// OnAnswer brings the backend's answer and the stream to it: a 101 is rebuilt for the client's own key, any other answer passed on.
func (s *session) OnAnswer(stream upstream.Stream, a *http1.Response) {
	h, sh := s.hs, s.lane.shard
	h.attempt, s.stream = nil, stream
	to := s.lane.route
	sh.fields = to.headers.Answer(sh.fields[:0], a.Fields, a.Status == 101)
	sh.fields = to.nameEndpoint(sh.fields, s.stream.Endpoint())
	if id := s.stream.Endpoint().ID(); to.sticky != nil && id != h.sticky {
		sh.fields = append(sh.fields, http1.Field{Name: []byte("Set-Cookie"), Value: []byte(to.sticky.SetCookie(id, time.Now(), h.secure))})
	}
	if a.Status == 101 {
		sh.fields = s.selectProtocol(sh.fields)
		if h.deflates {
			sh.fields = s.compresses(h.deflate, sh.fields)
		}
		sh.scratch = http1.AppendSwitching(sh.scratch[:0], h.accept[:], sh.fields)
	} else {
		sh.scratch = http1.AppendAnswer(sh.scratch[:0], a.Status, a.Reason, sh.fields)
	}
	clear(sh.fields)
	s.client.Write(sh.scratch)
	if a.Status != 101 {
		s.phase = declining
		sh.declined(s, a.Status)
		s.dropHandshake()
		s.loop().Schedule(&s.timer, to.cfg.BackendTimeout, s) // bounds a body that trickles
		s.client.Resume()
		return
	}
	s.phase = talking
	passed := !to.plainBackend && a.Deflate()
	s.up.scan.AllowRSV1(passed || h.deflates)
	s.down.scan.AllowRSV1(passed)
	s.up.heard, s.down.heard = s.now(), s.now()
	sh.openedSession(s)
	if to.cfg.SlowReader != config.SlowWait && sh.gw.cfg.TCPNotSent == 0 {
		s.client.LimitNotSent(slowNotSent)
	}
	s.beat()
	s.client.Resume()
	if h.early != nil {
		s.forwardUp(h.early.B)
	}
	s.dropHandshake()
	if sh.drain.active {
		s.drain()
	}
}

// OnRefused says that there is no backend's answer.
func (s *session) OnRefused(why *http1.Refusal) {
	s.hs.attempt = nil
	s.refuse(why)
}

// refuse answers the request ourselves. The client's end is waited for, reading what it still sends, since to
// close a socket with bytes unread would reset it and take the answer along.
func (s *session) refuse(why *http1.Refusal) {
	sh := s.lane.shard
	s.phase = refusing
	sh.refused(s, why)
	s.dropHandshake()
	sh.scratch = why.Append(sh.scratch[:0])
	s.client.Write(sh.scratch)
	s.lastWords()
}

// lastWords ends the direction to a client that has its answer, and gives it until the close timeout to go.
func (s *session) lastWords() {
	s.client.CloseWrite()
	s.client.Resume()
	s.loop().Schedule(&s.timer, s.cfg().CloseTimeout, s)
}

// passBody passes on the body of an answer that is no upgrade.
func (s *session) passBody(b []byte) {
	s.client.Write(b)
	if s.client.Full(s.lane.shard.gw.pauseAt) && s.stream != nil {
		s.stream.Pause()
	}
}

// finishBody ends an answer that is no upgrade. One that broke off is cut, so that the client can tell.
func (s *session) finishBody(whole bool) {
	s.dropStream()
	if !whole {
		s.finish()
		return
	}
	s.phase = refusing
	s.lastWords()
}

// gone finishes a session whose client left before it had a WebSocket.
func (s *session) gone(reason string) {
	if s.phase <= asking {
		s.lane.shard.count.refused[reason]++
	}
	s.finish()
}
