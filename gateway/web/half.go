package web

import (
	"errors"
	"io"
	"os"
	"time"

	"weir/netpoll"
)

// maxSilence is how long a client that has ended its direction is kept without a byte for it. TCP does not tell whether
// it waits or has left, until something is sent to it.
const maxSilence = 5 * time.Minute

// awaitAnswer is called where the client has ended its direction behind a whole request. net/http would take it to have
// left (RFC 9112 section 9.6 leaves that open), so it is told nothing while it serves the request, which it does
// whenever there is no deadline.
func (c *plainConn) awaitAnswer() error {
	began := time.Now()
	for {
		last := began
		if wrote := time.Unix(0, c.wrote.Load()); wrote.After(began) {
			last = wrote
		}
		c.mu.Lock()
		serves := c.deadline.IsZero() && time.Since(last) < maxSilence
		if serves {
			_ = c.Conn.SetReadDeadline(last.Add(maxSilence))
		}
		c.mu.Unlock()
		if !serves {
			return io.EOF
		}
		switch err := netpoll.AwaitGone(c.Conn); {
		case errors.Is(err, errors.ErrUnsupported):
			return io.EOF
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case !c.serves():
			return err
		}
	}
}

func (c *plainConn) serves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline.IsZero()
}
