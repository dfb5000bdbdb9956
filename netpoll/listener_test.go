package netpoll

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

type onAccept func(ln *Listener, fd int)

func (f onAccept) OnAccept(ln *Listener, fd int, _ netip.AddrPort) { f(ln, fd) }

func (l *Loop) fakeListener(fd int, a Acceptor) *Listener {
	ln := &Listener{loop: l, acceptor: a, fd: fd, open: true}
	l.listen[fd] = ln
	return ln
}

func clients(from, n int) (answers []answer, fds []int) {
	for fd := from; fd < from+n; fd++ {
		answers = append(answers, answer{fd, 0})
		fds = append(fds, fd)
	}
	return answers, fds
}

// Out of descriptors or memory the listener rests, counts it, leaves the others in the backlog and goes on
// by itself; a client that is gone already is passed over.
func TestAcceptErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		errno  unix.Errno
		pauses uint64
	}{
		"EMFILE": {unix.EMFILE, 1}, "ENFILE": {unix.ENFILE, 1}, "ENOBUFS": {unix.ENOBUFS, 1}, "ENOMEM": {unix.ENOMEM, 1},
		"ECONNABORTED": {unix.ECONNABORTED, 0}, "EINTR": {unix.EINTR, 0}, "EPROTO": {unix.EPROTO, 0}, "EPERM": {unix.EPERM, 0},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kernel{accepts: []answer{{10, 0}, {0, tt.errno}, {11, 0}, {12, 0}}}
			l := fakeLoop(t, k)
			var got []int
			var told error
			l.opts.OnRest = func(err error) { told = err }
			ln := l.fakeListener(5, onAccept(func(_ *Listener, fd int) { got = append(got, fd) }))
			ln.ready()
			if (tt.pauses > 0) != (told == tt.errno) {
				t.Errorf("told of %v", told)
			}
			if tt.pauses > 0 {
				ln.ready() // a new client's edge does not break the rest
				if !slices.Equal(got, []int{10}) || len(k.accepts) != 2 {
					t.Fatalf("accepted %v, %d left: it did not rest", got, len(k.accepts))
				}
				l.to(l.now + acceptRest)
			}
			if !slices.Equal(got, []int{10, 11, 12}) || l.stats.AcceptPauses != tt.pauses || l.stats.Accepted != 3 {
				t.Errorf("accepted %v, stats %+v", got, l.stats)
			}
			if ln.rest.Set() || l.later.armed {
				t.Error("no peace though the backlog is empty")
			}
		})
	}
}

// A storm is taken in portions, and the rest of the backlog behind the batch: it has no edge of its own.
func TestAcceptSharesTheTurn(t *testing.T) {
	const n = 5*acceptsPerTurn + 7
	k := &kernel{}
	k.accepts, _ = clients(100, n)
	l := fakeLoop(t, k)
	ln := l.fakeListener(5, onAccept(func(*Listener, int) {}))
	ln.ready()
	for portions := 1; ; portions++ {
		ln.ready() // more events of the batch are not more portions
		if want := min(n, portions*acceptsPerTurn); int(l.stats.Accepted) != want {
			t.Fatalf("portion %d: %d accepted, want %d", portions, l.stats.Accepted, want)
		}
		if !l.later.armed {
			break
		}
		l.runDeferred()
	}
	if l.stats.Accepted != n {
		t.Errorf("%d accepted of %d", l.stats.Accepted, n)
	}
}

func TestListenerCloseTakesTheBacklog(t *testing.T) {
	for name, tt := range map[string]struct {
		accepts []answer
		reclose bool // the acceptor closes the listener itself, as an overloaded gateway may
		n       int
	}{
		"some":               {func() []answer { a, _ := clients(10, 3); return a }(), false, 3},
		"more than a turn's": {func() []answer { a, _ := clients(10, 200); return a }(), false, 200},
		"from the acceptor":  {func() []answer { a, _ := clients(10, 3); return a }(), true, 3},
		"no descriptors":     {[]answer{{10, 0}, {0, unix.EMFILE}, {11, 0}}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kernel{accepts: tt.accepts}
			l := fakeLoop(t, k)
			n, depth := 0, 0
			ln := l.fakeListener(5, onAccept(func(ln *Listener, _ int) {
				n++
				if depth++; depth > 2 {
					t.Fatal("the acceptor is called from inside itself again and again")
				}
				if tt.reclose {
					ln.Close()
				}
				depth--
			}))
			if tt.reclose {
				ln.ready()
			}
			ln.Close()
			ln.Close()
			ln.ready()
			if n != tt.n || !slices.Equal(k.closed, []int{5}) || ln.rest.Set() || len(l.listen) != 0 {
				t.Errorf("%d accepted, closed %v, resting %v", n, k.closed, ln.rest.Set())
			}
		})
	}
}

// Clients that come faster than they are taken, or a rule that forbids each, do not keep Close from ending.
func TestListenerCloseEnds(t *testing.T) {
	k := &kernel{accepts: slices.Repeat([]answer{{0, unix.EPERM}}, 10*maxBacklog)}
	l := fakeLoop(t, k)
	l.fakeListener(5, onAccept(func(*Listener, int) {})).Close()
	if taken := 10*maxBacklog - len(k.accepts); taken > maxBacklog {
		t.Errorf("asked %d times", taken)
	}
}

func TestListenerClosedWhileItsRestIsPutOff(t *testing.T) {
	k := &kernel{}
	k.accepts, _ = clients(10, acceptsPerTurn)
	l := fakeLoop(t, k)
	ln := l.fakeListener(5, onAccept(func(*Listener, int) {}))
	ln.ready()
	ln.Close()
	k.accepts, _ = clients(1000, 1) // the number is someone else's now
	l.settle(t)
	if l.stats.Accepted != acceptsPerTurn {
		t.Error("a closed listener accepted")
	}
}
