package netpoll_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"weir/netpoll"
)

// detached is a connection of the loop given to goroutines, and its other end.
func detached(t testing.TB, l *netpoll.Loop, how string, early string) (net.Conn, other) {
	t.Helper()
	conf, client := security(t)
	away := make(chan net.Conn, 1)
	h := &hooks{}
	if early != "" {
		h.data = func(c *netpoll.Conn, b []byte) { away <- c.Detach(b) }
	}
	if how == "clear" {
		c, peer := pair(t, l, h)
		if early != "" {
			say(t, peer, early)
			return await(t, away), peer
		}
		do(t, l, func() { away <- c.Detach(nil) })
		return await(t, away), peer
	}
	if early == "" {
		h.connect = func(c *netpoll.Conn) { away <- c.Detach(nil) }
	}
	raw := dial(t, secured(t, l, conf, func() netpoll.Handler { return h }))
	peer := far{tls.Client(raw, client), raw}
	if err := peer.Handshake(); err != nil {
		t.Fatal(err)
	}
	if early != "" {
		say(t, peer, early)
	}
	return await(t, away), peer
}

func bothWays(t *testing.T, f func(t *testing.T, how string)) {
	for _, how := range []string{"clear", "TLS"} {
		t.Run(how, func(t *testing.T) { f(t, how) })
	}
}

// What Detach gives is a net.Conn in all that package net promises. Of crypto/tls that cannot be said: by design it does
// not write again after a Write has timed out, so with TLS the promises are tested one by one below.
func TestGoConnIsNetConn(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		l, err := netpoll.Start(0, netpoll.Options{ReadBuffer: 16 << 10, LowWater: 16 << 10})
		if err != nil {
			return nil, nil, nil, err
		}
		conn, peer := detached(t, l, "clear", "")
		_ = peer.SetDeadline(noDeadline)
		return conn, peer, func() { _ = conn.Close(); _ = peer.Close(); l.Stop() }, nil
	})
}

// Writes of several goroutines do not mix.
func TestGoConnWritesAreWhole(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{LowWater: 16 << 10})
		conn, peer := detached(t, l, how, "")
		const writers, size = 4, 3 << 20 // much more than is kept
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				if n, err := conn.Write(bytes.Repeat([]byte{byte(i)}, size)); n != size || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			})
		}
		got := make([]byte, size)
		for range writers {
			if _, err := io.ReadFull(peer, got); err != nil {
				t.Fatal(err)
			}
			if how == "clear" && bytes.Count(got, got[:1]) != size { // crypto/tls locks by itself, each record
				t.Error("two writes are mixed")
			}
		}
		wg.Wait()
		_ = conn.Close()
	})
}

// 100 MiB each way at once, while both sides are slow at times: all of it arrives, and little is kept.
func TestGoConnMuchBothWays(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{ReadBuffer: 64 << 10, LowWater: 64 << 10})
		conn, peer := detached(t, l, how, "")
		_ = peer.SetDeadline(time.Now().Add(time.Minute))
		const total = 100 << 20
		var most uint64
		pump := func(from, to net.Conn, salt byte, half func()) (wait func()) {
			var wg sync.WaitGroup
			wg.Go(func() {
				b := make([]byte, 100_003)
				for sent := 0; sent < total; {
					n := min(len(b), total-sent)
					for i := range b[:n] {
						b[i] = byte(sent+i)*7 + salt
					}
					if _, err := from.Write(b[:n]); err != nil {
						t.Error(err)
						return
					}
					sent += n
				}
				half()
			})
			wg.Go(func() {
				b := make([]byte, 70_001)
				for got := 0; ; {
					n, err := to.Read(b)
					for i := range b[:n] {
						if b[i] != byte(got+i)*7+salt {
							t.Errorf("byte %d is wrong", got+i)
							return
						}
					}
					if got/(20<<20) != (got+n)/(20<<20) { // a rest now and then
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						most = max(most, m.HeapInuse)
						time.Sleep(50 * time.Millisecond)
					}
					if got += n; err != nil {
						if got != total || err != io.EOF {
							t.Errorf("%d bytes, then %v", got, err)
						}
						return
					}
				}
			})
			return wg.Wait
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		before := m.HeapInuse
		down := pump(conn, peer, 1, func() {
			_ = conn.(interface{ CloseWrite() error }).CloseWrite()
		})
		down()
		up := pump(peer, conn, 2, func() { _ = peer.CloseWrite() })
		up()
		_ = conn.Close()
		if grown := int64(most) - int64(before); grown > 16<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
	})
}

// Deadlines wake whoever waits, can be moved, and do no harm to bytes.
func TestGoConnDeadlines(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{})
		conn, peer := detached(t, l, how, "early")
		_ = conn.SetReadDeadline(time.Now().Add(-1))
		hear(t, onlyReader{conn, how == "clear"}, "early")
		for range 3 {
			_ = conn.SetReadDeadline(time.Now().Round(0).Add(10 * time.Millisecond)) // on the wall clock
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%v", err)
			}
		}
		woken := make(chan error, 1)
		_ = conn.SetReadDeadline(time.Now().Add(time.Hour))
		go func() { _, err := conn.Read(make([]byte, 1)); woken <- err }()
		_ = conn.SetReadDeadline(time.Now())
		if err := await(t, woken); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
		_ = conn.SetReadDeadline(time.Time{})
		say(t, peer, "late")
		hear(t, conn, "late")
		if how == "clear" { // crypto/tls does not write again after a timeout
			_ = conn.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
			n, err := conn.Write(make([]byte, 64<<20))
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%d, %v", n, err)
			}
			_ = conn.SetWriteDeadline(time.Time{})
			go func() { say(t, conn, "end") }()
			if _, err := io.CopyN(io.Discard, peer, int64(n)); err != nil {
				t.Fatal(err)
			}
			hear(t, peer, "end")
		}
		_ = conn.Close()
		if err := conn.SetDeadline(time.Now()); how == "clear" && !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// onlyReader clears the deadline in clear, where it comes before the bytes, as with package net.
type onlyReader struct {
	net.Conn
	clear bool
}

func (r onlyReader) Read(b []byte) (int, error) {
	if r.clear {
		_ = r.SetReadDeadline(time.Time{})
	}
	return r.Conn.Read(b)
}

// Each direction ends by itself.
func TestGoConnHalfClose(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		for _, early := range []string{"", "early"} {
			l := start(t, netpoll.Options{})
			conn, peer := detached(t, l, how, early)
			hear(t, conn, early)
			say(t, conn, "last words")
			if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Error(err)
			}
			if _, err := conn.Write([]byte("x")); err == nil {
				t.Error("written behind the end")
			}
			if got, err := io.ReadAll(peer); err != nil || string(got) != "last words" {
				t.Errorf("%q, %v", got, err)
			}
			say(t, peer, "I hear you")
			_ = peer.CloseWrite()
			if got, err := io.ReadAll(conn); err != nil || string(got) != "I hear you" {
				t.Errorf("%q, %v", got, err)
			}
			_ = conn.Close()
			waitClosed(t, l)
		}
	})
}

func waitClosed(t testing.TB, l *netpoll.Loop) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		var s netpoll.Stats
		do(t, l, func() { s = l.Stats() })
		if s.Opened == s.Closed && s.Buffered == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("still open: %+v", s)
		}
	}
}

// Closed with much unsent, and over bytes nobody read: a peer that reads gets everything, slowly as well.
func TestGoConnLastWords(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{LowWater: 16 << 10})
		conn, peer := detached(t, l, how, "")
		words := []byte(strings.Repeat("the end is near ", 1<<18))
		go func() {
			_, _ = conn.Write(words)
			_ = conn.Close()
		}()
		say(t, peer, "nobody hears this")
		time.Sleep(20 * time.Millisecond)
		got, err := io.ReadAll(peer)
		if err != nil || !bytes.Equal(got, words) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		_ = peer.CloseWrite()
		waitClosed(t, l)
	})
}

// The loop's end is the end for goroutines too.
func TestGoConnLoopStops(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{})
		conn, _ := detached(t, l, how, "")
		errs := make(chan error, 2)
		go func() { _, err := conn.Read(make([]byte, 1)); errs <- err }()
		go func() { _, err := conn.Write(make([]byte, 64<<20)); errs <- err }()
		time.Sleep(5 * time.Millisecond)
		l.Stop()
		for range 2 {
			if err := await(t, errs); err == nil {
				t.Error("no error")
			}
		}
		_ = conn.Close()
	})
}

// Read, Write, Close and the rest at once.
func TestGoConnRaces(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{})
		for range 30 {
			conn, peer := detached(t, l, how, "")
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() { _, _ = io.Copy(io.Discard, conn) })
				wg.Go(func() { _, _ = conn.Write(make([]byte, 600<<10)) })
				wg.Go(func() { _ = conn.SetDeadline(time.Now().Add(time.Second)) })
			}
			wg.Go(func() { _, _ = peer.Write(make([]byte, 300<<10)); _ = peer.Close() })
			wg.Go(func() { _ = conn.Close() })
			wg.Wait()
		}
		waitClosed(t, l)
	})
}
