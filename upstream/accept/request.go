package accept

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"golang.org/x/net/http/httpguts"

	"weir/codec/h2"
	"weir/codec/http1"
)

// Request is what a client asked for, as the gateway passed it on.
type Request struct {
	Method string      // CONNECT for a WebSocket
	Path   string      // in origin form, with the query
	Host   string      // as the client named it, with the port if it did
	Header http.Header // with the client's address in X-Forwarded-For, if the gateway tells it; shared, not to be changed
}

var errAnswered = errors.New("accept: the handshake was answered already")

// check finds what a request must not be. Status 0 is none of that.
func check(head *h2.Head, ended bool) (status int, text string) {
	switch connect := string(head.Method) == http.MethodConnect; {
	case !connect:
		return 0, ""
	case head.Protocol == nil:
		return http.StatusMethodNotAllowed, "CONNECT is for WebSockets only here.\n"
	case string(head.Protocol) != "websocket": // RFC 9220 section 3
		return http.StatusNotImplemented, "The only protocol here is websocket.\n"
	case ended:
		return http.StatusBadRequest, "A WebSocket's request must not end its stream.\n"
	}
	return 0, ""
}

func newRequest(head *h2.Head) Request {
	r := Request{Method: string(head.Method), Path: string(head.Path), Host: string(head.Authority), Header: make(http.Header, len(head.Fields))}
	for _, f := range head.Fields {
		name, value := http.CanonicalHeaderKey(string(f.Name)), string(f.Value)
		switch had := r.Header[name]; {
		case name == "Host":
			r.Host = value
		case name == "Cookie" && had != nil: // may come in pieces (RFC 9113 section 8.2.3)
			had[0] += "; " + value
		default:
			r.Header[name] = append(had, value)
		}
	}
	return r
}

func (r *Request) upgrade() bool { return r.Method == http.MethodConnect }

// Request is what the client asked for.
func (c *Conn) Request() *Request { return &c.request }

// Respond accepts the handshake. Of header the subprotocol, the extensions and cookies matter; what belongs to
// HTTP/1.1 connections, as Sec-WebSocket-Accept does, is left out. It is an error if it was answered already.
func (c *Conn) Respond(header http.Header) error { return c.answer(http.StatusOK, header) }

// respond accepts it if nobody has decided yet.
func (c *Conn) respond() {
	if !c.answered && !c.localEnded {
		c.answered = true
		c.carrier.append(c.carrier.encoder.AppendResponse(c.carrier.out, c.id, http.StatusOK, nil, false))
	}
}

// Refuse answers the handshake with another status, 300 and up, and closes the session. The client gets status,
// header and body as its answer.
func (c *Conn) Refuse(status int, header http.Header, body string) error {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" && body != "" {
		header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	err := c.answer(status, header)
	if err == nil {
		_, err = io.WriteString(c, body)
	}
	return errors.Join(err, c.Close())
}

// answer sends the answer's head.
func (c *Conn) answer(status int, header http.Header) error {
	if status < 200 || status > 599 {
		return fmt.Errorf("accept: status %d cannot answer a handshake", status)
	}
	fields, err := fieldsOf(header, status == http.StatusOK && c.request.upgrade())
	if err != nil {
		return err
	}
	ca := c.carrier
	ca.mu.Lock()
	defer ca.mu.Unlock()
	switch {
	case c.closed:
		return net.ErrClosed
	case c.err != nil && c.err != io.EOF:
		return c.err
	case c.answered:
		return errAnswered
	}
	c.answered = true
	ca.append(ca.encoder.AppendResponse(ca.out, c.id, status, fields, false))
	return nil
}

// refuse is Refuse for requests that never reach the application, from the goroutine that reads, which must not wait.
func (c *Conn) refuse(status int, text string) {
	ca := c.carrier
	fields := []http1.Field{{Name: []byte("content-type"), Value: []byte("text/plain; charset=utf-8")}}
	c.answered, c.closed = true, true
	ca.append(ca.encoder.AppendResponse(ca.out, c.id, status, fields, false))
	if c.theirs.Available() >= len(text) && ca.theirs.Available() >= len(text) {
		ca.appendData(c, []byte(text))
	}
	c.localEnd()
	if ca.streams[c.id] == c {
		ca.reset(c.id, h2.NoError) // nothing more is wanted (RFC 9113 section 8.1)
		c.fail(ErrReset)
	}
}

// fieldsOf leaves out what HTTP/2 has no room for (RFC 9113 section 8.2.2), and of an accepted handshake what
// describes a body and the proof of the key, which the gateway gives.
func fieldsOf(header http.Header, accepted bool) (fields []http1.Field, err error) {
	for name, values := range header {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade":
			continue
		case "Content-Length", "Sec-Websocket-Accept":
			if accepted {
				continue
			}
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
				return nil, fmt.Errorf("accept: header field %q has bytes that it may not", name)
			}
			fields = append(fields, http1.Field{Name: []byte(name), Value: []byte(value)})
		}
	}
	return fields, nil
}
