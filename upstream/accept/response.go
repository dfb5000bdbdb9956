package accept

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"weir/codec/h2"
)

// responseWriter is the http.ResponseWriter of one request. It belongs to its handler.
type responseWriter struct {
	conn     *Conn
	header   http.Header
	status   int // 0: not written
	hijacked bool
}

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader sends the answer; 101 accepts the WebSocket.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 || w.hijacked || status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.status = status
	if err := w.conn.answer(onStream(status, &w.conn.request), w.header); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, ErrReset) {
		slog.Error("accept: a handler's answer cannot be sent", "error", err)
		w.conn.cutOff(h2.InternalError)
	}
}

// onStream is the status that says in HTTP/2 what status says in HTTP/1.1. A handshake is accepted by 200 there, so a
// handler that answers one with 200 has to be told apart: like any other answer than 101 it accepts nothing.
func onStream(status int, r *Request) int {
	switch {
	case status == http.StatusSwitchingProtocols:
		return http.StatusOK
	case status/100 == 2 && r.upgrade():
		return http.StatusUpgradeRequired
	}
	return status
}

func (w *responseWriter) Write(b []byte) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	w.WriteHeader(http.StatusOK)
	if w.conn.request.Method == http.MethodHead {
		return len(b), nil
	}
	return w.conn.Write(b)
}

// Flush sends the answer's head if that was not done; the rest is never held.
func (w *responseWriter) Flush() {
	if !w.hijacked {
		w.WriteHeader(http.StatusOK)
	}
}

// Hijack hands the session over.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.hijacked {
		return nil, nil, http.ErrHijacked
	}
	w.hijacked = true
	conn := net.Conn(w.conn)
	if w.status == 0 {
		conn = &headConn{Conn: w.conn}
	}
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

// What http.ResponseController asks for.
func (w *responseWriter) SetReadDeadline(t time.Time) error  { return w.conn.SetReadDeadline(t) }
func (w *responseWriter) SetWriteDeadline(t time.Time) error { return w.conn.SetWriteDeadline(t) }
func (w *responseWriter) EnableFullDuplex() error            { return nil }

// finish is called when the handler has returned.
func (w *responseWriter) finish() {
	if !w.hijacked {
		w.WriteHeader(http.StatusOK)
		_ = w.conn.Close()
	}
}

// body is that of a plain request. To read it is no answer, as it is with a session.
func (w *responseWriter) body() io.ReadCloser {
	w.conn.carrier.mu.Lock()
	defer w.conn.carrier.mu.Unlock()
	if w.conn.remoteEnded {
		return http.NoBody
	}
	return io.NopCloser(readerFunc(w.conn.read))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// maxAnswerHead bounds the head that a hijacker writes.
const maxAnswerHead = 64 << 10

// headConn is a hijacked session to which an HTTP/1.1 response's head will be written, to be turned into the answer.
type headConn struct {
	*Conn
	head []byte // until it is whole
	done bool
}

var errLongHead = errors.New("accept: the head of the answer is too long")

// Write takes the head off what is written; what follows it are frames, or a refusal's body.
func (c *headConn) Write(b []byte) (int, error) {
	if c.done {
		return c.Conn.Write(b)
	}
	before := len(c.head)
	c.head = append(c.head, b...)
	end := bytes.Index(c.head, []byte("\r\n\r\n"))
	switch {
	case end < 0 && len(c.head) > maxAnswerHead:
		return 0, errLongHead
	case end < 0:
		return len(b), nil
	}
	end += 4
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(c.head[:end])), nil)
	if err != nil {
		return 0, err
	}
	c.done, c.head = true, nil
	if err := c.answer(onStream(answer.StatusCode, &c.request), answer.Header); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b[end-before:])
	return end - before + n, err
}

// Read waits for what the client sends, also before an answer was written.
func (c *headConn) Read(b []byte) (int, error) { return c.read(b) }
