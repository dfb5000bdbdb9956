package netpoll_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"weir/netpoll"
)

// Two ends stream at each other through the smallest send buffers the kernel gives, with pieces of random
// sizes, written and queued, and with reading paused and resumed at random: every byte arrives, in order,
// and each end hears of the other's end once.
func TestStreamBothWays(t *testing.T) {
	for i, tt := range []struct {
		network              string
		readBuffer, lowWater int
		oneLoop              bool
	}{
		{"unix", 64, 0, false}, {"unix", 700, 300, false}, {"unix", 65536, 4000, true},
		{"tcp", 700, 0, false}, {"tcp", 4096, 300, false}, {"tcp", 65536, 4000, true},
	} {
		t.Run(fmt.Sprint(tt.network, " ", tt.readBuffer), func(t *testing.T) {
			opts := netpoll.Options{ReadBuffer: tt.readBuffer, LowWater: tt.lowWater}
			a, b := start(t, opts), start(t, opts)
			if tt.oneLoop {
				b = a
			}
			fds := tightPair(t, tt.network)
			seed := uint64(i)
			x, y := newStreamer(seed, 1, 2), newStreamer(seed, 2, 1)
			do(t, a, func() { x.begin(t, a, fds[0]) })
			do(t, b, func() { y.begin(t, b, fds[1]) })
			for _, s := range []*streamer{x, y} {
				if err := await(t, s.done); err != nil {
					t.Error(err)
				}
			}
			for _, l := range []*netpoll.Loop{a, b} {
				do(t, l, func() {
					if s := l.Stats(); s.Buffered != 0 || s.Opened != s.Closed {
						t.Errorf("%+v", s)
					}
				})
			}
		})
	}
}

const streamLength, highWater = 150_000, 5000

// streamer is one end: a handler that writes one random stream and checks another.
type streamer struct {
	netpoll.Conn
	rnd     *rand.Rand
	out, in []byte // what is still to be written, and to be read
	rest    netpoll.Timer
	told    bool
	done    chan error
}

func stream(seed, which uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, which))
	b := make([]byte, streamLength)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func newStreamer(seed, writes, reads uint64) *streamer {
	return &streamer{rnd: rand.New(rand.NewPCG(seed, 100+writes)), out: stream(seed, writes), in: stream(seed, reads),
		done: make(chan error, 2)}
}

func (s *streamer) begin(t *testing.T, l *netpoll.Loop, fd int) {
	if err := l.Attach(&s.Conn, fd, s); err != nil {
		t.Error(err)
		return
	}
	s.write()
}

func (s *streamer) write() {
	for len(s.out) > 0 && s.Buffered() < highWater {
		n := min(len(s.out), 1+s.rnd.IntN(1<<s.rnd.IntN(12)))
		if s.rnd.IntN(2) == 0 {
			s.Write(s.out[:n])
		} else {
			s.Queue(s.out[:n])
		}
		s.out = s.out[n:]
		if s.rnd.IntN(50) == 0 { // a source that is slow at times
			s.Loop().Schedule(&s.rest, 1, s)
			return
		}
	}
	if len(s.out) == 0 {
		s.CloseWrite()
		s.finish() // with an empty queue the FIN is out already, and OnDrained does not come
	} else {
		s.NotifyDrained()
	}
}

// OnTimer ends a rest, of the source or of the reading.
func (s *streamer) OnTimer(*netpoll.Timer) {
	s.Resume()
	s.write()
}

func (s *streamer) OnConnect(*netpoll.Conn) {}

func (s *streamer) OnDrained(*netpoll.Conn) {
	if len(s.out) > 0 {
		s.write()
		return
	}
	s.finish()
}

func (s *streamer) OnData(_ *netpoll.Conn, b []byte) {
	if s.Paused() || !bytes.HasPrefix(s.in, b) {
		s.end(fmt.Errorf("paused %v, or other bytes than were sent, %d before the end", s.Paused(), len(s.in)))
		return
	}
	s.in = s.in[len(b):]
	switch p := s.rnd.IntN(100); {
	case p < 2:
		s.Pause()
		s.Loop().Schedule(&s.rest, 1, s)
	case p < 20:
		s.Pause()
		_ = s.Loop().Post(s.Resume)
	case p < 25:
		s.Pause()
		s.Resume()
	}
}

func (s *streamer) OnEOF(*netpoll.Conn) {
	if s.told || len(s.in) > 0 {
		s.end(fmt.Errorf("EOF (before: %v) with %d bytes missing", s.told, len(s.in)))
	}
	s.told = true
	s.finish()
}

// finish closes when both directions are through: all has gone out and the peer has sent its FIN.
func (s *streamer) finish() {
	if s.told && len(s.out) == 0 && s.Buffered() == 0 && s.Open() {
		s.end(nil)
	}
}

func (s *streamer) end(err error) {
	s.Close()
	s.Loop().Cancel(&s.rest)
	s.done <- err
}

func (s *streamer) OnClose(_ *netpoll.Conn, err error) { s.done <- err }

// tightPair is two connected descriptors with the smallest send buffers there are, to be given to Attach.
// TCP's receive buffers stay as they are: small ones make it wait for its retransmission timers.
func tightPair(t *testing.T, network string) (fds [2]int) {
	t.Helper()
	var err error
	if network == "unix" {
		fds, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	} else {
		l := start(t, netpoll.Options{Socket: netpoll.SocketOptions{NoDelay: true}})
		accepted := make(chan int, 1)
		ln := listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) { accepted <- fd })
		if fds[0], err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); err == nil {
			err = errors.Join(unix.SetsockoptInt(fds[0], unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
				unix.Connect(fds[0], &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: int(ln.Addr().Port())}))
		}
		fds[1] = await(t, accepted)
	}
	for _, fd := range fds {
		err = errors.Join(err, unix.SetNonblock(fd, true), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	return fds
}
