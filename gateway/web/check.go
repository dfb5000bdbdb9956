package web

import (
	"bytes"
	"net/http"
	"sync"

	"weir/codec/http1"
)

// check is the room to look at a request once more.
type check struct {
	head    bytes.Buffer
	request http1.Request
}

var checks = sync.Pool{New: func() any { return new(check) }}

func (c *check) free() {
	c.head.Reset()
	c.request.Reset()
	checks.Put(c)
}

// read writes r down as the head of an HTTP/1.1 request and holds it to the rules for one. net/http takes more: a
// target in absolute form, HTTP/1.0, a space in the path of an HTTP/2 request, which would split the line we send. What
// it has already settled cannot be seen: a Content-Length beside chunked is gone, two that are equal are one.
func (c *check) read(r *http.Request, lim http1.Limits) *http1.Refusal {
	proto := r.Proto
	if r.ProtoMajor == 2 {
		proto = "HTTP/1.1" // as which it is passed on, mostly
	}
	for _, s := range [...]string{r.Method, " ", r.RequestURI, " ", proto, "\r\nHost: ", r.Host, "\r\n"} {
		c.head.WriteString(s)
	}
	if len(r.TransferEncoding) > 0 {
		c.head.WriteString("Transfer-Encoding: chunked\r\n") // which is all that net/http reads
	}
	_ = r.Header.Write(&c.head)
	c.head.WriteString("\r\n")
	n, why := c.request.Parse(c.head.Bytes(), lim)
	if why == nil && n != c.head.Len() {
		return refusedHead
	}
	return why
}

// serve is where each request comes to.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	l := r.Context().Value(linkKey{}).(*link)
	c := checks.Get().(*check)
	why := c.read(r, s.options.Limits)
	if why == nil && r.ProtoMajor == 1 && c.request.AsksUpgrade() {
		s.handBack(w, l, c)
		return
	}
	c.free()
	s.exchange(w, r, l, why)
}

// handBack gives the connection back for a WebSocket. What was read too far goes with it.
func (s *Server) handBack(w http.ResponseWriter, l *link, c *check) {
	head := bytes.Clone(c.head.Bytes())
	c.free()
	_, rw, err := http.NewResponseController(w).Hijack() // ends in connState
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	s.count.upgrades.Add(1)
	s.options.Upgrade(l.conn, l.client, head, bytes.Clone(early))
}
