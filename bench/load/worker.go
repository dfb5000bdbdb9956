//go:build linux

package load

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"syscall"
	"time"

	"weir/bench/epoll"
	"weir/bench/wire"
)

// worker is one loop and its clients. All of it is owned by the goroutine that runs a phase.
type worker struct {
	targets  []destination
	sources  epoll.Sources // none: the kernel's choice
	patience time.Duration // for any handshake to end
	accept   string
	loop     *epoll.Loop
	in       []byte
	conns    []*conn // every client ever dialled in this crowd; dead ones stay
	pending  int     // handshakes under way, TLS and upgrade
	live     int     // upgraded and not lost
	dialled  int
	hooks    // of the phase
	talk     traffic
	resume   bool // only resumed TLS sessions will do
	tally
	lobby
}

// hooks are what a phase makes of what happens to its clients. A client that failed or was lost is dead.
type hooks struct {
	upgraded func(*conn)               // a handshake succeeded
	failed   func(*conn, Fault, error) // a handshake failed
	lost     func(*conn, Fault, error) // an upgraded client ended before its time
	echoed   func(*conn)               // a message is whole, its number c.got
	parted   func(*conn)               // a client that has left is gone
	answered func(*conn)               // an answer to a plain request is complete; nil: the clients are WebSockets
}

// destination is a target and the request that its clients send.
type destination struct {
	Target
	request []byte
}

const readBuffer = 256 << 10

func newWorker(targets []Target, sources epoll.Sources, patience time.Duration) (*worker, error) {
	if patience <= 0 {
		patience = defaultPatience
	}
	loop, err := epoll.New()
	if err != nil {
		return nil, err
	}
	key := newKey()
	w := &worker{
		sources: sources, patience: patience, loop: loop, in: make([]byte, readBuffer), tally: newTally(),
		accept: wire.Accept([]byte(key)),
	}
	for _, t := range targets {
		w.targets = append(w.targets, destination{t, wire.AppendRequest(nil, t.Host, t.Path, key)})
	}
	w.enter(hooks{})
	return w, nil
}

// enter begins a phase. What it has no use for is a fault, or of no meaning.
func (w *worker) enter(h hooks) {
	blame := func(_ *conn, f Fault, err error) { w.fault(f, err) }
	if h.failed == nil {
		h.failed = blame
	}
	if h.lost == nil {
		h.lost = blame
	}
	if h.echoed == nil {
		h.echoed = func(*conn) {}
	}
	w.hooks = h
}

func newKey() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// dial begins a client's handshake; the error is the kernel's refusal to give a socket.
func (w *worker) dial(c *conn) error {
	to := c.target().Addr
	source := w.sources.Of(w.dialled, to.Addr())
	w.dialled++
	c.began = now()
	fd, err := epoll.Connect(to, source)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		err = fmt.Errorf("%w: no local port is free; widen net.ipv4.ip_local_port_range or open fewer connections", err)
	}
	if errors.Is(err, syscall.EMFILE) {
		err = fmt.Errorf("%w: no descriptor is free; raise the limit of open files (ulimit -n) or open fewer connections", err)
	}
	if err != nil {
		return err
	}
	epoll.ResetOnClose(fd)
	c.fd, c.state, c.head, c.scan, c.link = fd, connecting, c.head[:0], wire.Scanner{}, nil
	w.pending++
	if err := w.loop.Add(fd, c); err != nil {
		syscall.Close(fd)
		c.state = dead
		w.pending--
		return err
	}
	return nil
}

var errEnd = errors.New("closed by the other side")

// end handles the end of a connection, nil being an orderly one.
func (w *worker) end(c *conn, err error) {
	if c.state == open && c.leaving == answered {
		w.live--
		w.drop(c)
		w.parted(c)
		return
	}
	if err == nil {
		err = errEnd
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
	w.failed(c, f, err)
}

// lose ends an upgraded client before its time.
func (w *worker) lose(c *conn, f Fault, err error) {
	w.live--
	w.drop(c)
	w.lost(c, f, err)
}

func (w *worker) drop(c *conn) {
	if c.state == shaking {
		c.link.abandon()
	}
	c.state = dead
	w.loop.Close(c.fd)
}

// turn waits for one batch of events, at most until the instant `until` and half a second at most.
func (w *worker) turn(ctx context.Context, until int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := w.loop.Wait(min(max(time.Duration(until-now()), 0), time.Second/2))
	w.welcome()
	return err
}
