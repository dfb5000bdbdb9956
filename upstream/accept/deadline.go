package accept

import (
	"net"
	"os"
	"time"
)

var errDeadline = os.ErrDeadlineExceeded

// deadline is a time after which a Read or Write gives up. Guarded by the carrier's mu.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// set moves the deadline. wake is called once it is over, without the lock.
func (d *deadline) set(at time.Time, wake func()) {
	d.at = at
	switch {
	case at.IsZero():
		d.stop()
	case d.timer == nil:
		d.timer = time.AfterFunc(time.Until(at), wake)
	default:
		d.timer.Reset(time.Until(at))
	}
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadlines(t, &c.readDeadline, &c.writeDeadline)
}

// SetReadDeadline bounds Read, also one that waits already.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.readDeadline) }

// SetWriteDeadline bounds Write, also one that waits already.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeDeadline) }

func (c *Conn) setDeadlines(t time.Time, list ...*deadline) error {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	for _, d := range list {
		d.set(t, c.wake)
	}
	return nil
}

// wake lets all that wait for the session look at the clock.
func (c *Conn) wake() {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.carrier.room.Broadcast()
}
