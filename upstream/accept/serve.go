package accept

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"

	"weir/codec/h2"
)

// Serve presents each session of l to h as the HTTP/1.1 upgrade request that it was at the gateway, until l is closed.
// The ResponseWriter can be hijacked, before an answer or behind WriteHeader(101): the connection then carries the
// session's frames, and an HTTP/1.1 head that is written to it becomes the answer. Other requests are presented as they
// are, so that h can answer health checks. RemoteAddr is the gateway's, the client's is in X-Forwarded-For.
//
// It returns the error of l, net.ErrClosed after Close or Shutdown. A handler that panics loses its session alone.
func Serve(l *Listener, h http.Handler) error {
	for {
		c, err := l.next()
		if err != nil {
			return err
		}
		go serve(h, c)
	}
}

func serve(h http.Handler, c *Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := &responseWriter{conn: c, header: http.Header{}}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				slog.Error("accept: a handler panicked", "panic", p, "path", pathOf(c.request.Path), "stack", string(debug.Stack()))
			}
			c.cutOff(h2.InternalError)
			_ = c.Close()
			return
		}
		w.finish()
	}()
	r, err := c.request.http1()
	if err != nil {
		_ = c.Refuse(http.StatusBadRequest, nil, "The target of the request cannot be read.\n")
		return
	}
	r.RemoteAddr = c.RemoteAddr().String()
	if !c.request.upgrade() {
		r.Body = w.body()
	}
	h.ServeHTTP(w, r.WithContext(ctx))
}

// http1 makes the request that a net/http server would have seen.
func (r *Request) http1() (*http.Request, error) {
	target, err := url.ParseRequestURI(r.Path)
	if err != nil {
		return nil, err
	}
	req := &http.Request{Method: r.Method, URL: target, RequestURI: r.Path, Host: r.Host, Header: r.Header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody}
	if r.upgrade() {
		var key [16]byte // of no use but to be there: the gateway has answered the client's own
		_, _ = rand.Read(key[:])
		req.Method = http.MethodGet
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "websocket")
		req.Header.Set("Sec-WebSocket-Version", "13")
		req.Header.Set("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(key[:]))
	}
	return req, nil
}

// pathOf leaves out the query, which can hold tokens.
func pathOf(target string) string {
	for i := range len(target) {
		if target[i] == '?' {
			return target[:i]
		}
	}
	return target
}
