package web

import (
	"errors"
	"time"

	"weir/codec/http1"
)

// SetReadDeadline holds for all reads but those of a head that has begun, which has a time of its own. net/http
// cannot set that one, as it sees the first byte when the last is there. No deadline means that it serves a request
// and only wants to hear of the connection's end, and one that is past has to end a Read at once.
func (c *plainConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.applyDeadline()
}

func (c *plainConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *plainConn) headBegins() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inHead {
		return nil
	}
	c.inHead = true
	return c.applyDeadline()
}

func (c *plainConn) headEnds(sp http1.Spelling) {
	c.mu.Lock()
	c.inHead = false
	c.spelled = append(c.spelled, sp)
	c.mu.Unlock()
}

// spelling is how the fields of the request are named whose handler begins now.
func (c *plainConn) spelling() http1.Spelling {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spelled) == 0 {
		return nil // it stands for one that net/http has not seen
	}
	sp := c.spelled[0]
	c.spelled = c.spelled[:copy(c.spelled, c.spelled[1:])]
	return sp
}

func (c *plainConn) applyDeadline() error {
	t := c.deadline
	if now := time.Now(); c.inHead && c.headTime > 0 && t.After(now) {
		t = now.Add(c.headTime)
	}
	return c.Conn.SetReadDeadline(t)
}
