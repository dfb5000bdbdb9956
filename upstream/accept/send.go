package accept

import (
	"io"
	"net"
	"runtime"
	"time"

	"weir/codec/h2"
)

// append takes out with something appended to it, for the sender. Only what writers append waits for room; the rest is
// bounded by what the peer may ask for, and a peer that asks on and does not read is given up.
func (ca *carrier) append(out []byte) {
	if ca.ended {
		return
	}
	ca.out = out
	if len(ca.out) > maxPending+maxControl {
		ca.lost = true
		ca.end(controlFlood)
		_ = ca.conn.Close()
	}
	ca.sendable.Signal()
}

func (ca *carrier) reset(id uint32, code h2.ErrorCode) { ca.append(h2.AppendReset(ca.out, id, code)) }

// hasRoom tells whether a writer may append.
func (ca *carrier) hasRoom() bool { return len(ca.out) < maxPending && ca.theirs.Available() > 0 }

// flush sends what is pending, until the connection has ended.
func (ca *carrier) flush() {
	for {
		b, last := ca.pending()
		if len(b) > 0 {
			_ = ca.conn.SetWriteDeadline(time.Now().Add(sendTimeout))
			if _, err := ca.conn.Write(b); err != nil {
				ca.lose(err)
				return
			}
		}
		if last {
			// To close now would reset the connection if the peer is still sending, and our last words with it.
			if half, ok := ca.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
				_ = ca.conn.SetReadDeadline(time.Now().Add(lastRead))
			} else {
				_ = ca.conn.Close()
			}
			return
		}
		ca.mu.Lock()
		ca.spare = b
		ca.pass()
		ca.mu.Unlock()
	}
}

// pending waits for something to send. last tells that it ends with that.
func (ca *carrier) pending() (b []byte, last bool) {
	ca.mu.Lock()
	for len(ca.out) == 0 && !ca.ended {
		ca.sendable.Wait()
	}
	if !ca.ended {
		// One read brings the messages of many sessions, whose goroutines are runnable now. Let them go first: what
		// they append goes out with the same system call.
		ca.mu.Unlock()
		runtime.Gosched()
		ca.mu.Lock()
	}
	defer ca.mu.Unlock()
	if ca.lost {
		return nil, true
	}
	b, last = ca.out, ca.ended
	ca.out, ca.spare = ca.spare[:0], nil
	return b, last
}

// Write sends b as DATA, waiting while a window is shut or too much is pending. An unanswered handshake is accepted.
func (c *Conn) Write(b []byte) (n int, err error) {
	c.writing.Lock() // the bytes of one call stay together
	defer c.writing.Unlock()
	ca := c.carrier
	ca.mu.Lock()
	defer ca.mu.Unlock()
	defer ca.pass()
	c.respond()
	for {
		switch {
		case c.err != nil && c.err != io.EOF:
			return n, c.err
		case c.localEnded:
			return n, net.ErrClosed
		case c.writeDeadline.passed():
			return n, errDeadline
		case len(b) == 0:
			return n, nil
		case c.theirs.Available() == 0:
			ca.pass()
			c.writable.Wait()
		case !ca.hasRoom():
			ca.room.Wait()
		default:
			k := ca.appendData(c, b)
			n, b = n+k, b[k:]
		}
	}
}

// pass gives the turn to the next writer, if there is something to be had: also from one that was woken for it and has
// no use for it any more.
func (ca *carrier) pass() {
	if ca.hasRoom() {
		ca.room.Signal()
	}
}

// appendData appends what the windows and one frame allow.
func (ca *carrier) appendData(c *Conn, b []byte) int {
	n := min(len(b), maxFrame, c.theirs.Available(), ca.theirs.Available())
	_ = c.theirs.Take(n) // both fit, as just seen
	_ = ca.theirs.Take(n)
	ca.append(append(h2.AppendDataHeader(ca.out, c.id, n, false), b[:n]...))
	return n
}
