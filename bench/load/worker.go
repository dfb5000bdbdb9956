//go:build linux

package load

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"weir/bench/epoll"
	"weir/bench/wire"
)

// worker is one loop and its clients. All of it is owned by the goroutine that runs a phase.
type worker struct {
	target   Target
	sources  int           // loopback addresses to connect from, 0 for the default
	patience time.Duration // for any handshake to end
	request  []byte
	accept   string
	loop     *epoll.Loop
	in       []byte
	conns    []*conn // every client ever dialled in this crowd; dead ones stay
	pending  int     // handshakes under way
	live     int     // upgraded and not lost
	dialled  int
	upgraded func(*conn) // a handshake succeeded
	failed   func(*conn) // a handshake failed, the tally knows why
	talk     traffic
	tally
}

const readBuffer = 256 << 10

func newWorker(t Target, sources int, patience time.Duration) (*worker, error) {
	if patience <= 0 {
		patience = defaultPatience
	}
	loop, err := epoll.New()
	if err != nil {
		return nil, err
	}
	key := newKey()
	return &worker{
		target: t, sources: sources, patience: patience, loop: loop, in: make([]byte, readBuffer), tally: newTally(),
		request: wire.AppendRequest(nil, t.Host, t.Path, key), accept: wire.Accept([]byte(key)),
	}, nil
}

func newKey() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

type state uint8

const (
	connecting state = iota
	upgrading
	open
	dead
)

// conn is one client.
type conn struct {
	w     *worker
	id    uint32
	fd    int
	state state
	began int64  // when the handshake began
	head  []byte // of the answer, until it is whole
	scan  wire.Scanner
	exchange
}

// perSource is how many connections one source address is used for; it has some 28,000 ports.
const perSource = 20000

// dial begins a client's handshake; the error is the kernel's refusal to give a socket.
func (w *worker) dial(c *conn) error {
	var source netip.Addr
	if w.sources > 1 {
		source = netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + w.dialled/perSource%w.sources)})
	}
	w.dialled++
	c.began = now()
	fd, err := epoll.Connect(w.target.Addr, source)
	if err != nil {
		return err
	}
	epoll.ResetOnClose(fd)
	c.fd, c.state, c.head, c.scan = fd, connecting, c.head[:0], wire.Scanner{}
	w.pending++
	if err := w.loop.Add(fd, c); err != nil {
		syscall.Close(fd)
		c.state = dead
		w.pending--
		return err
	}
	return nil
}

// Ready is called by the loop.
func (c *conn) Ready(ev epoll.Events) {
	if c.state == connecting {
		if !ev.Writable() {
			return
		}
		if err := epoll.Failure(c.fd); err != nil {
			c.w.refuse(c, FaultConnect, err)
			return
		}
		if n, errno := epoll.Write(c.fd, c.w.request); n < len(c.w.request) {
			c.w.refuse(c, FaultUpgrade, errno)
			return
		}
		c.state = upgrading
	}
	if c.state == open && ev.Writable() {
		c.send()
	}
	for ev.Readable() && c.state != dead {
		n, errno := epoll.Read(c.fd, c.w.in)
		if errno == syscall.EAGAIN {
			return
		}
		if n == 0 {
			c.w.end(c, errno)
			return
		}
		fd := c.fd
		c.take(c.w.in[:n])
		if n < len(c.w.in) && !ev.Ending() || c.fd != fd {
			return
		}
	}
}

func (c *conn) take(b []byte) {
	if c.state == upgrading {
		c.head = append(c.head, b...)
		n, err := wire.CutHead(c.head)
		if n == 0 && err == nil {
			return
		}
		if err == nil {
			err = wire.CheckAnswer(c.head[:n], c.w.accept)
		}
		if err != nil {
			c.w.refuse(c, FaultUpgrade, err)
			return
		}
		b = c.head[n:]
		c.head, c.state = nil, open
		c.w.pending--
		c.w.live++
		c.w.upgraded(c)
	}
	if c.state == open && len(b) > 0 {
		c.receive(b)
	}
}

var errEnd = errors.New("closed by the other side")

// end handles the end of a connection, errno 0 being an orderly one.
func (w *worker) end(c *conn, errno syscall.Errno) {
	err := errEnd
	if errno != 0 {
		err = errno
	}
	if c.state == open {
		w.lose(c, FaultClosed, err)
	} else {
		w.refuse(c, FaultUpgrade, err)
	}
}

// refuse ends a handshake that failed.
func (w *worker) refuse(c *conn, f Fault, err error) {
	w.pending--
	w.drop(c)
	w.fault(f, err)
	w.failed(c)
}

// lose ends an upgraded client before its time.
func (w *worker) lose(c *conn, f Fault, err error) {
	w.live--
	w.drop(c)
	w.fault(f, err)
}

func (w *worker) drop(c *conn) {
	c.state = dead
	w.loop.Close(c.fd)
}

// turn waits for one batch of events, at most until the instant `until` and half a second at most.
func (w *worker) turn(ctx context.Context, until int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.loop.Wait(min(max(time.Duration(until-now()), 0), time.Second/2))
}
