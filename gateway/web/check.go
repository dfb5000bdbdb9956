package web

import (
	"bytes"
	"net/http"
	"sync"

	"weir/codec/http1"
)

// check is the room to look at a request of HTTP/2, which has no head in bytes, by the rules for HTTP/1.1.
type check struct {
	head    bytes.Buffer
	request http1.Request
}

const maxLogged = 1 << 10 // of a target that is refused

var checks = sync.Pool{New: func() any { return new(check) }}

// checked writes r down as the head of an HTTP/1.1 request, as which it is passed on, mostly, and holds it to the rules
// for one. net/http takes more: a space in the path, which would split the line we send.
func checked(r *http.Request, lim http1.Limits) *http1.Refusal {
	c := checks.Get().(*check)
	defer checks.Put(c)
	if why := oneHost(r); why != nil {
		return why
	}
	c.head.Reset()
	c.request.Reset()
	for _, s := range [...]string{r.Method, " ", r.RequestURI, " HTTP/1.1\r\nHost: ", r.Host, "\r\n"} {
		c.head.WriteString(s)
	}
	_ = r.Header.Write(&c.head)
	c.head.WriteString("\r\n")
	n, why := c.request.Parse(c.head.Bytes(), lim)
	switch {
	case why != nil:
		return why
	case n != c.head.Len():
		return refusedHead
	case string(c.request.Host) != r.Host:
		r.Host = string(c.request.Host) // less an empty port
	}
	return nil
}

// oneHost takes a Host field out of a request of HTTP/2, which has it for :authority or says the same again (RFC 9113
// section 8.3.1). Where both are there and differ, others could read the request as one for another host.
func oneHost(r *http.Request) *http1.Refusal {
	for _, host := range r.Header["Host"] {
		if !http1.Same([]byte(host), r.Host) {
			return refusedHost
		}
	}
	delete(r.Header, "Host")
	return nil
}

// serve is where each request comes to.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	l := r.Context().Value(linkKey{}).(*link)
	s.begun(l)
	switch {
	case l.plain == nil:
		why := checked(r, s.options.Limits)
		if why != nil { // a head that is refused is not kept until the client has read that
			clear(r.Header)
			r.RequestURI = r.RequestURI[:min(len(r.RequestURI), maxLogged)]
		}
		s.exchange(w, r, l, why)
	case r.RequestURI != divertedTarget:
		s.exchange(w, r, l, nil)
	case l.plain.why != nil:
		r.Method, r.Host, r.RequestURI = "", "", "" // what it says of itself was not understood
		s.exchange(w, r, l, l.plain.why)
	default:
		s.handBack(w, l)
	}
}

// handBack gives the connection back for a WebSocket. What was read too far goes with it.
func (s *Server) handBack(w http.ResponseWriter, l *link) {
	if _, _, err := http.NewResponseController(w).Hijack(); err != nil { // ends in connState
		panic(http.ErrAbortHandler) // the client is gone
	}
	head, early := l.plain.handshake()
	s.count.upgrades.Add(1)
	s.options.Upgrade(l.conn, l.client, head, early)
}
