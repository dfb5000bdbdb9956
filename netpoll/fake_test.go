package netpoll

import (
	"fmt"
	"net/netip"
	"testing"

	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

// kernel is a scripted one: each call takes the next answer of its kind, and EAGAIN when there is none.
type kernel struct {
	reads, peeks, writes, connects, accepts []answer

	gone     bool // for good, not only its sending
	sent     []byte
	closed   []int
	shutdown int
	readings int // calls of read
}

// answer is n bytes (or descriptor n), or an error.
type answer struct {
	n     int
	errno unix.Errno
}

func pop(list *[]answer) answer {
	if len(*list) == 0 {
		return answer{0, unix.EAGAIN}
	}
	a := (*list)[0]
	*list = (*list)[1:]
	return a
}

func (k *kernel) calls() calls {
	return calls{
		read: func(_ int, b []byte) (int, unix.Errno) {
			k.readings++
			a := pop(&k.reads)
			return min(a.n, len(b)), a.errno
		},
		peek:  func(int) (int, unix.Errno) { a := pop(&k.peeks); return a.n, a.errno },
		gone:  func(int) bool { return k.gone },
		write: func(_ int, b []byte) (int, unix.Errno) { return k.write(b) },
		writev: func(_ int, _ *[2]unix.Iovec, a, b []byte) (int, unix.Errno) {
			return k.write(append(append([]byte{}, a...), b...))
		},
		shutdown: func(int) { k.shutdown++ },
		close:    func(fd int) { k.closed = append(k.closed, fd) },
		accept: func(int) (int, netip.AddrPort, unix.Errno) {
			a := pop(&k.accepts)
			return a.n, netip.AddrPort{}, a.errno
		},
		connected: func(int) unix.Errno {
			if len(k.connects) == 0 {
				return unix.EALREADY
			}
			return pop(&k.connects).errno
		},
		watch: func(*gnetpoll.Poller, int) error { return nil },
	}
}

func (k *kernel) write(b []byte) (int, unix.Errno) {
	a := pop(&k.writes)
	n := min(a.n, len(b))
	k.sent = append(k.sent, b[:n]...)
	return n, a.errno
}

const fakeReadBuffer = 8

// fakeLoop has no goroutine and no poller: the test makes the events and ends the batches.
func fakeLoop(t *testing.T, k *kernel) *Loop {
	t.Helper()
	l := &Loop{
		opts: Options{ReadBuffer: fakeReadBuffer, LowWater: 2}, sys: k.calls(),
		listen: map[int]*Listener{}, in: make([]byte, fakeReadBuffer),
		stopped: true, // the alarm's tasks go nowhere
	}
	l.wheel.init()
	if err := l.wake.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.alarm.stop(); l.wake.close() })
	return l
}

// adopt is Attach without the poller.
func (l *Loop) adopt(c *Conn, fd int, h Handler, more flag) *Conn {
	*c = Conn{loop: l, handler: h, fd: int32(fd), flags: open | more}
	l.conns.Put(c)
	return c
}

// settle ends batches until nothing is put off any more.
func (l *Loop) settle(t *testing.T) {
	t.Helper()
	for range 100 {
		if !l.later.armed {
			return
		}
		l.runDeferred()
	}
	t.Fatal("the loop puts things off for ever")
}

// journal writes down what a handler hears; do, when set, is what the handler does then.
type journal struct {
	heard []string
	do    map[string]func(c *Conn)
}

func (j *journal) note(c *Conn, what string) {
	j.heard = append(j.heard, what)
	if do := j.do[what]; do != nil {
		do(c)
	}
}

func (j *journal) OnConnect(c *Conn)          { j.note(c, "connect") }
func (j *journal) OnData(c *Conn, b []byte)   { j.note(c, fmt.Sprint("data ", len(b))) }
func (j *journal) OnDrained(c *Conn)          { j.note(c, "drained") }
func (j *journal) OnEOF(c *Conn)              { j.note(c, "eof") }
func (j *journal) OnClose(c *Conn, err error) { j.note(c, "close "+unix.ErrnoName(err.(unix.Errno))) }

func (j *journal) expect(t *testing.T, want ...string) {
	t.Helper()
	if fmt.Sprint(j.heard) != fmt.Sprint(want) {
		t.Errorf("heard %q, want %q", j.heard, want)
	}
}
