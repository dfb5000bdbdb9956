package netpoll

import (
	"errors"
	"net/netip"
	"os"
	"time"

	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

const (
	acceptsPerTurn = 64
	maxBacklog     = 4096                   // what Close takes at most; newcomers must not keep it from ending
	acceptRest     = 100 * time.Millisecond // how long to leave the backlog alone when descriptors or memory are short
)

// Acceptor takes a new socket; it must Attach or Refuse it.
type Acceptor interface {
	OnAccept(ln *Listener, fd int, from netip.AddrPort)
}

// Listener accepts connections for one loop. With SO_REUSEPORT every loop has one on the same address, and
// the kernel spreads the clients among them.
type Listener struct {
	loop     *Loop
	acceptor Acceptor
	fd       int
	addr     Addr
	shared   bool // a unix socket that another loop's listener opened
	rest     Timer
	open     bool
	held     bool // until Accept
	putOff   bool // on the list of listeners to go on at the end of the batch
}

// Listen opens a listener that belongs to the loop; it must run on the loop (Do). Port 0 takes a free one.
func (l *Loop) Listen(addr Addr, a Acceptor) (*Listener, error) {
	fd, bound, err := sysListen(addr, l.opts.Socket)
	if err != nil {
		return nil, err
	}
	return l.listenOn(&Listener{fd: fd, addr: bound, acceptor: a})
}

// ListenShared makes the loop take clients of a unix socket that another loop opened, as only one can be bound to
// its path. Loops with file tables of their own cannot share one.
func (l *Loop) ListenShared(of *Listener, a Acceptor) (*Listener, error) {
	if l.opts.OwnFiles || of.loop.opts.OwnFiles {
		return nil, errors.New("loops with file tables of their own cannot share a socket")
	}
	fd, err := unix.FcntlInt(uintptr(of.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return l.listenOn(&Listener{fd: fd, addr: of.addr, acceptor: a, shared: true})
}

func (l *Loop) listenOn(ln *Listener) (*Listener, error) {
	l.owner.Check()
	ln.loop, ln.open = l, true
	if err := l.poller.AddRead(&gnetpoll.PollAttachment{FD: ln.fd}, true); err != nil {
		l.sys.close(ln.fd)
		return nil, err
	}
	l.listen[ln.fd] = ln
	return ln, nil
}

// Addr is the bound address.
func (ln *Listener) Addr() Addr { return ln.addr }

// Loop is the loop that owns the listener.
func (ln *Listener) Loop() *Loop { return ln.loop }

// Hold has clients wait until Accept.
func (ln *Listener) Hold() { ln.held = true }

// Accept takes those who wait after Hold, and all others again.
func (ln *Listener) Accept() {
	if ln.held {
		ln.held = false
		ln.ready()
	}
}

// Refuse closes a socket just accepted without an answer.
func (ln *Listener) Refuse(fd int) { ln.loop.sys.close(fd) }

// Close stops accepting. Clients whose connection the kernel had completed are taken first: they would
// otherwise see a reset. Those whom Hold keeps waiting do.
func (ln *Listener) Close() {
	if !ln.open {
		return
	}
	ln.open = false // an acceptor may call Close again
	for n := 0; n < maxBacklog && !ln.held && ln.accept(); n++ {
	}
	ln.loop.Cancel(&ln.rest)
	delete(ln.loop.listen, ln.fd)
	ln.loop.sys.close(ln.fd)
	if ln.addr.Path != "" && !ln.shared {
		_ = os.Remove(ln.addr.Path)
	}
}

func (ln *Listener) ready() {
	for range acceptsPerTurn {
		if !ln.open || ln.held || ln.putOff || ln.rest.Set() || !ln.accept() {
			return
		}
	}
	ln.putOff = true // the others first; the backlog gives no new edge
	ln.loop.later.accept.add(ln)
	ln.loop.putOff()
}

// OnTimer goes on accepting after a rest.
func (ln *Listener) OnTimer(*Timer) { ln.ready() }

// accept takes one connection and tells whether there may be more.
func (ln *Listener) accept() bool {
	fd, from, errno := ln.loop.sys.accept(ln.fd)
	switch errno {
	case 0:
		ln.loop.stats.Accepted++
		ln.acceptor.OnAccept(ln, fd, from)
		return true
	case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.EPERM:
		return true // this client is gone (or a firewall refused it), the next may be well
	case unix.EAGAIN:
		return false
	default: // EMFILE, ENFILE, ENOBUFS, ENOMEM: those who wait stay in the backlog
		ln.loop.stats.AcceptPauses++
		ln.loop.Schedule(&ln.rest, acceptRest, ln)
		if tell := ln.loop.opts.OnRest; tell != nil {
			tell(errno)
		}
		return false
	}
}
