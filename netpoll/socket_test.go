package netpoll_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"weir/netpoll"
)

var errTimeout = os.ErrDeadlineExceeded

// expect reads from the peer until the end of the stream.
func expect(t *testing.T, peer *net.TCPConn, want string) {
	t.Helper()
	got, err := io.ReadAll(peer)
	if err != nil || string(got) != want {
		t.Errorf("the peer read %d bytes (%v), want %d", len(got), err, len(want))
	}
}

func send(t testing.TB, peer *net.TCPConn, b []byte) {
	t.Helper()
	if _, err := peer.Write(b); err != nil {
		t.Fatal(err)
	}
}

func reset(t *testing.T, peer *net.TCPConn) {
	t.Helper()
	if err := errors.Join(peer.SetLinger(0), peer.Close()); err != nil {
		t.Fatal(err)
	}
}

// Paused means that nothing is read, whatever comes; resumed, that everything is, though no edge comes.
func TestPauseHoldsEverythingBack(t *testing.T) {
	l := start(t, netpoll.Options{})
	var got bytes.Buffer // owned by the loop
	eof, ended := signal()
	c, peer := pair(t, l, &hooks{data: func(_ *netpoll.Conn, b []byte) { got.Write(b) }, eof: eof})
	do(t, l, c.Pause)
	want := []byte(strings.Repeat("0123456789", 10_000))
	send(t, peer, want)
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	do(t, l, func() {
		if got.Len() != 0 || !c.Paused() {
			t.Errorf("%d bytes read while paused", got.Len())
		}
	})
	silent(t, ended, "EOF")
	do(t, l, c.Resume)
	await(t, ended)
	do(t, l, func() {
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes read, want %d", got.Len(), len(want))
		}
	})
	silent(t, ended, "a second EOF")
}

// The peer is done sending but still reads: what it is owed goes out whole, then our FIN, then OnDrained.
func TestHalfClose(t *testing.T) {
	l := start(t, netpoll.Options{})
	reply := strings.Repeat("x", 8<<20) // more than the kernel takes
	drained, gone := signal()
	closed, failures := failure()
	c, peer := pair(t, l, &hooks{drained: drained, closed: closed, eof: func(c *netpoll.Conn) {
		c.Write([]byte(reply))
		if c.Buffered() == 0 {
			t.Error("the kernel took it all: the test shows nothing")
		}
		c.CloseWrite()
	}})
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	expect(t, peer, reply)
	await(t, gone)
	do(t, l, func() {
		if s := l.Stats(); s.Buffered != 0 || c.Buffered() != 0 || !c.Open() {
			t.Errorf("%d bytes still counted as buffered, open %v", s.Buffered, c.Open())
		}
		c.Close()
	})
	silent(t, failures, "OnClose")
}

// However the peer goes, a connection that is not being read hears of it.
func TestPeerGoesWhilePaused(t *testing.T) {
	l := start(t, netpoll.Options{})
	eof, ended := signal()
	closed, failures := failure()
	h := &hooks{eof: eof, closed: closed}

	t.Run("with a FIN", func(t *testing.T) {
		c, peer := pair(t, l, h)
		do(t, l, c.Pause)
		_ = peer.CloseWrite()
		await(t, ended)
		do(t, l, c.Close)
	})
	t.Run("with a reset", func(t *testing.T) {
		c, peer := pair(t, l, h)
		do(t, l, c.Pause)
		reset(t, peer)
		if err := await(t, failures); !errors.Is(err, unix.ECONNRESET) {
			t.Error(err)
		}
	})
	t.Run("with a FIN, then a reset", func(t *testing.T) {
		_, peer := pair(t, l, h)
		_ = peer.CloseWrite()
		await(t, ended)
		reset(t, peer)
		await(t, failures)
	})
	do(t, l, func() {})
	silent(t, ended, "EOF")
	silent(t, failures, "OnClose")
}

// A reset in the middle of a big write: one OnClose, and the bytes are given back.
func TestResetWithAFullQueue(t *testing.T) {
	l := start(t, netpoll.Options{})
	closed, failures := failure()
	c, peer := pair(t, l, &hooks{closed: closed})
	do(t, l, func() {
		c.Write(make([]byte, 16<<20))
		c.NotifyDrained()
	})
	reset(t, peer)
	await(t, failures)
	do(t, l, func() {
		c.Write([]byte("more"))
		if s := l.Stats(); s.Buffered != 0 || c.Open() || s.Opened != s.Closed {
			t.Errorf("open %v, %+v", c.Open(), s)
		}
	})
	silent(t, failures, "a second OnClose")
}

// A read ends short at TCP's urgent mark, with bytes behind it that have no edge of their own.
func TestUrgentData(t *testing.T) {
	l := start(t, netpoll.Options{})
	var got bytes.Buffer // owned by the loop
	eof, ended := signal()
	complete := make(chan int, 1)
	c, peer := pair(t, l, &hooks{eof: eof, data: func(_ *netpoll.Conn, b []byte) {
		got.Write(b)
		if strings.HasSuffix(got.String(), "after") {
			complete <- got.Len()
		}
	}})
	raw, err := peer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	do(t, l, func() { // all of it is there before the loop looks
		send(t, peer, []byte("before"))
		_ = raw.Control(func(fd uintptr) {
			if err := unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil); err != nil {
				t.Error(err)
			}
		})
		send(t, peer, []byte("after"))
	})
	await(t, complete)
	do(t, l, c.Close)
	silent(t, ended, "EOF")
}

// A flood from one connection does not keep another from being served.
func TestFloodLeavesRoomForOthers(t *testing.T) {
	l := start(t, netpoll.Options{ReadBuffer: 1024})
	eof, flooded := signal()
	total := 0 // owned by the loop
	_, flooder := pair(t, l, &hooks{eof: eof, data: func(_ *netpoll.Conn, b []byte) { total += len(b) }})
	heard := make(chan int, 1)
	_, small := pair(t, l, &hooks{data: func(*netpoll.Conn, []byte) { heard <- total }})
	const flood = 128 << 10
	if err := flooder.SetWriteBuffer(2 * flood); err != nil { // room for all of it
		t.Fatal(err)
	}
	do(t, l, func() {
		sent := make(chan struct{})
		go func() { // as much as the kernel holds lies ready when the loop looks
			defer close(sent)
			for range flood / 4096 {
				_, _ = flooder.Write(make([]byte, 4096))
			}
			_ = flooder.CloseWrite()
		}()
		<-sent
		send(t, small, []byte("me too"))
	})
	if before := await(t, heard); before > flood/2 {
		t.Errorf("heard behind %d bytes of the flood", before)
	}
	await(t, flooded)
	do(t, l, func() {
		if total != flood {
			t.Errorf("%d bytes of %d", total, flood)
		}
	})
}
