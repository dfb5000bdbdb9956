package netpoll_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"weir/netpoll"
)

// Written, and even ended, before TCP stands or while the handshake goes on: nothing is lost, and OnDrained is told.
func TestTLSWrittenEarly(t *testing.T) {
	for name, size := range map[string]int{"little": 10, "more than a handshake may keep": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			l := start(t, netpoll.Options{})
			conf, client := security(t)
			request := bytes.Repeat([]byte{'r'}, size)
			var got []byte
			addr := secured(t, l, conf, func() netpoll.Handler {
				return &hooks{
					data: func(_ *netpoll.Conn, b []byte) { got = append(got, b...) },
					eof:  func(c *netpoll.Conn) { c.Write([]byte("thanks")); c.CloseWrite() },
				}
			})
			answer, closed := make(chan string, 4), make(chan error, 1)
			told, drained := signal()
			c := new(netpoll.Conn)
			do(t, l, func() {
				h := &hooks{data: func(_ *netpoll.Conn, b []byte) { answer <- string(b) }, drained: told,
					closed: func(_ *netpoll.Conn, err error) { closed <- err }}
				if err := l.Connect(c, addr, h); err != nil {
					t.Error(err)
				}
				c.StartTLS(&netpoll.TLS{Config: client, Client: true, Handshakes: conf.Handshakes}, netip.Addr{}, nil)
				c.Write(request)
				c.Full(1)
				c.CloseWrite()
				c.Write([]byte("lost"))
			})
			select {
			case s := <-answer:
				if s != "thanks" {
					t.Errorf("%q", s)
				}
			case err := <-closed:
				t.Fatalf("it failed: %v", err)
			case <-time.After(patience):
				t.Fatal("no answer")
			}
			await(t, drained)
			do(t, l, func() {
				if !bytes.Equal(got, request) {
					t.Errorf("%d bytes came, %d were written", len(got), len(request))
				}
				if n := l.Stats().Buffered; n != 0 {
					t.Errorf("%d bytes are left", n)
				}
				c.Close()
			})
		})
	}
}

// Much comes right behind the handshake, to a handler that pauses at once, and each time.
func TestTLSPausedFromTheFirst(t *testing.T) {
	l := start(t, netpoll.Options{ReadBuffer: 1 << 10})
	conf, client := security(t)
	done := make(chan int, 8)
	addr := secured(t, l, conf, func() netpoll.Handler {
		n := 0
		return &hooks{data: func(c *netpoll.Conn, b []byte) {
			if c.Paused() {
				t.Error("it is paused")
			}
			n += len(b)
			c.Pause()
			_ = l.Post(c.Resume)
		}, eof: func(*netpoll.Conn) { done <- n }}
	})
	for range 8 {
		raw := dial(t, addr)
		peer := far{tls.Client(raw, client), raw}
		say(t, peer, string(make([]byte, 300_000)))
		_ = peer.CloseWrite()
	}
	for range 8 {
		if n := await(t, done); n != 300_000 {
			t.Errorf("%d bytes", n)
		}
	}
}

// What was read before StartTLS counts, TLS or not, and the handler is not called from inside StartTLS.
func TestTLSStartedWithBytes(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, client := security(t)
	heard := make(chan string, 8)
	var inside bool
	secure := &hooks{data: func(c *netpoll.Conn, b []byte) {
		if inside {
			t.Error("from inside StartTLS")
		}
		heard <- string(b)
		c.Write(b)
	}}
	first := &hooks{data: func(c *netpoll.Conn, b []byte) { // a line in clear, then whatever comes
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			t.Errorf("%q", b)
		}
		heard <- string(line)
		c.SetHandler(secure)
		inside = true
		c.StartTLS(conf, netip.Addr{}, rest)
		inside = false
	}}
	addr := accepted(t, l, first, nil)
	for name, together := range map[string]bool{"in one read": true, "apart": false} {
		t.Run("TLS "+name, func(t *testing.T) {
			raw := dial(t, addr)
			join := &joiner{TCPConn: raw, first: []byte("line\n")}
			if !together {
				say(t, raw, "line\n")
				await(t, heard)
				join.first = nil
			}
			peer := tls.Client(join, client)
			say(t, peer, "hello")
			hear(t, peer, "hello")
			if together {
				await(t, heard)
			}
			if got := await(t, heard); got != "hello" {
				t.Errorf("%q", got)
			}
		})
		t.Run("clear "+name, func(t *testing.T) {
			raw := dial(t, addr)
			if together {
				say(t, raw, "line\nGET")
			} else {
				say(t, raw, "line\n")
				await(t, heard)
				say(t, raw, "GET")
			}
			hear(t, raw, "GET")
			for len(heard) > 0 {
				<-heard
			}
		})
	}
}

// joiner puts something in front of the first write.
type joiner struct {
	*net.TCPConn
	first []byte
}

func (j *joiner) Write(b []byte) (int, error) {
	n, err := j.TCPConn.Write(slices.Concat(j.first, b))
	n -= len(j.first)
	j.first = nil
	return max(n, 0), err
}

// What was written for TLS does not go out to a peer that speaks none.
func TestTLSNothingLeaksInClear(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, _ := security(t)
	h := &hooks{data: func(c *netpoll.Conn, _ []byte) { c.Write([]byte("400")); c.CloseWrite() }}
	addr := accepted(t, l, h, func(c *netpoll.Conn) {
		c.StartTLS(conf, netip.Addr{}, nil)
		c.Write([]byte("for TLS only"))
	})
	peer := dial(t, addr)
	say(t, peer, "GET / HTTP/1.1\r\n\r\n")
	if got, err := io.ReadAll(peer); err != nil || string(got) != "400" {
		t.Errorf("%q, %v", got, err)
	}
	do(t, l, func() {
		if n := l.Stats().Buffered; n != 0 {
			t.Errorf("%d bytes are counted as queued", n)
		}
	})
}

// Closed in the middle of the handshake, by us or with the loop: no goroutine stays, nothing is told.
func TestTLSClosedInHandshake(t *testing.T) {
	for _, how := range []string{"Close", "Stop"} {
		t.Run(how, func(t *testing.T) {
			l := start(t, netpoll.Options{})
			conf, _ := security(t)
			var open []*netpoll.Conn
			started := make(chan bool, 16)
			h := &hooks{connect: func(*netpoll.Conn) { t.Error("it stands") }, closed: func(*netpoll.Conn, error) { t.Error("OnClose") }}
			addr := accepted(t, l, h, func(c *netpoll.Conn) {
				c.StartTLS(conf, netip.Addr{}, nil)
				c.Write([]byte("never sent"))
				open = append(open, c)
				started <- true
			})
			hello := clientHello(t)
			for range 10 { // of which 4 have a place
				_, _ = dial(t, addr).Write(hello)
				await(t, started)
			}
			for until := time.Now().Add(patience); conf.Handshakes.Running()+conf.Handshakes.Waiting() < 10; {
				if time.Now().After(until) {
					t.Fatalf("%d run, %d wait", conf.Handshakes.Running(), conf.Handshakes.Waiting())
				}
				time.Sleep(time.Millisecond)
			}
			if how == "Stop" {
				l.Stop()
			} else {
				do(t, l, func() {
					for _, c := range open {
						c.Close()
					}
					if n := l.Stats().Buffered; n != 0 {
						t.Errorf("%d bytes are counted as queued", n)
					}
				})
			}
			if n := conf.Handshakes.Waiting(); n != 0 {
				t.Errorf("%d wait for a turn they do not need", n)
			}
			for until := time.Now().Add(patience); conf.Handshakes.Running() > 0; {
				if time.Now().After(until) {
					t.Fatalf("%d still run", conf.Handshakes.Running())
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// clientHello is what a client sends first.
func clientHello(t testing.TB) []byte {
	near, far := net.Pipe()
	go func() { _ = tls.Client(far, &tls.Config{ServerName: "localhost"}).Handshake(); _ = far.Close() }()
	b := make([]byte, 16<<10)
	n, err := near.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	_ = near.Close()
	return b[:n]
}
