package netpoll_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"

	"weir/netpoll"
)

// other is the far end of a connection under test, in clear or with TLS.
type other interface {
	net.Conn
	CloseWrite() error
}

// far is a TLS client that ends TCP's direction too, as programs do.
type far struct {
	*tls.Conn
	raw *net.TCPConn
}

func (f far) CloseWrite() error {
	_ = f.Conn.CloseWrite()
	return f.raw.CloseWrite()
}

// contract runs a scenario in clear and with TLS: for the handler they are the same. The connection stands when h has
// been told, or would be, and every call is checked to come from outside of all calls to the Conn.
func contract(t *testing.T, opts netpoll.Options, f func(t *testing.T, l *netpoll.Loop, open func(h *hooks) (*netpoll.Conn, other))) {
	for _, how := range []string{"clear", "TLS"} {
		t.Run(how, func(t *testing.T) {
			l := start(t, opts)
			conf, client := security(t)
			f(t, l, func(h *hooks) (*netpoll.Conn, other) {
				if how == "clear" {
					c, peer := pair(t, l, h)
					return c, peer
				}
				told := h.connect
				stands, connected := signal()
				h.connect = func(c *netpoll.Conn) { call(told, c); stands(c) }
				raw := dial(t, secured(t, l, conf, func() netpoll.Handler { return h }))
				peer := tls.Client(raw, client)
				if err := peer.Handshake(); err != nil {
					t.Fatal(err)
				}
				return await(t, connected), far{peer, raw}
			})
		})
	}
}

func say(t testing.TB, c io.Writer, what string) {
	t.Helper()
	if _, err := io.WriteString(c, what); err != nil {
		t.Fatal(err)
	}
}

func hear(t testing.TB, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("heard %.100q (%d bytes), %v; want %.100q", got[:n], n, err, want)
	}
}

func TestContractPause(t *testing.T) {
	contract(t, netpoll.Options{ReadBuffer: 1 << 10}, func(t *testing.T, l *netpoll.Loop, open func(*hooks) (*netpoll.Conn, other)) {
		heard := make(chan string, 16)
		var got []byte
		c, peer := open(&hooks{data: func(c *netpoll.Conn, b []byte) {
			if c.Paused() {
				t.Error("it is paused")
			}
			c.Pause()
			got = append(got, b...)
			heard <- string(b)
		}})
		say(t, peer, "one")
		if s := await(t, heard); s != "one" {
			t.Errorf("%q", s)
		}
		say(t, peer, "two")
		for range 10 {
			do(t, l, func() {})
		}
		silent(t, heard, "data while paused")
		do(t, l, c.Resume)
		await(t, heard)
		long := bytes.Repeat([]byte("0123456789"), 10_000)
		go func() { _, _ = peer.Write(long) }()
		for n := 0; n < len(long); {
			do(t, l, c.Resume)
			n += len(await(t, heard))
		}
		do(t, l, func() {
			if !bytes.Equal(got, append([]byte("onetwo"), long...)) {
				t.Errorf("%d bytes, or others", len(got))
			}
		})
	})
}

// Closed from inside any of its calls, a handler hears nothing more.
func TestContractCloseInside(t *testing.T) {
	for _, inside := range []string{"data", "drained", "eof"} {
		t.Run(inside, func(t *testing.T) {
			contract(t, netpoll.Options{ReadBuffer: 512}, func(t *testing.T, l *netpoll.Loop, open func(*hooks) (*netpoll.Conn, other)) {
				closed := make(chan bool, 8)
				over := false
				hear := func(what string) func(c *netpoll.Conn) {
					return func(c *netpoll.Conn) {
						if over {
							t.Errorf("%s was told after Close", what)
						}
						if what == inside {
							over = true
							c.Write([]byte("lost"))
							c.Close()
							c.Write([]byte("lost too"))
							c.CloseWrite()
							c.Close()
							closed <- true
						}
					}
				}
				h := &hooks{drained: hear("drained"), eof: hear("eof"), closed: func(*netpoll.Conn, error) { t.Error("OnClose follows Close") }}
				h.data = func(c *netpoll.Conn, b []byte) {
					if hear("data")(c); inside == "drained" {
						c.Queue(b)
						c.NotifyDrained()
					}
				}
				_, peer := open(h)
				go func() {
					_, _ = peer.Write(make([]byte, 20_000))
					_ = peer.CloseWrite()
				}()
				await(t, closed)
				_, _ = io.Copy(io.Discard, peer)
				do(t, l, func() {
					if s := l.Stats(); s.Buffered != 0 {
						t.Errorf("%+v", s)
					}
				})
			})
		})
	}
}

func TestContractSetHandler(t *testing.T) {
	contract(t, netpoll.Options{}, func(t *testing.T, l *netpoll.Loop, open func(*hooks) (*netpoll.Conn, other)) {
		heard := make(chan string, 4)
		second := &hooks{
			data: func(_ *netpoll.Conn, b []byte) { heard <- "second " + string(b) },
			eof:  func(*netpoll.Conn) { heard <- "second eof" },
		}
		_, peer := open(&hooks{data: func(c *netpoll.Conn, b []byte) {
			c.SetHandler(second)
			heard <- "first " + string(b)
		}})
		for _, tt := range []struct{ say, want string }{{"a", "first a"}, {"b", "second b"}} {
			say(t, peer, tt.say)
			if got := await(t, heard); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		}
		_ = peer.CloseWrite()
		if got := await(t, heard); got != "second eof" {
			t.Errorf("%q", got)
		}
	})
}

// No call of the handler comes from inside one of its own calls, and what it writes arrives in order, whether it was
// written, queued or collected, small or large, to a peer that reads or one that does not.
func TestContractNotFromInside(t *testing.T) {
	sizes := []int{1, 125, 3000, 5000, 16 << 10, 16<<10 + 1, 100_000}
	for _, collect := range []bool{false, true} {
		t.Run(fmt.Sprint("collect ", collect), func(t *testing.T) {
			contract(t, netpoll.Options{LowWater: 1 << 20}, func(t *testing.T, l *netpoll.Loop, open func(*hooks) (*netpoll.Conn, other)) {
				var inside bool
				var drained atomic.Int32
				h := &hooks{drained: func(*netpoll.Conn) {
					if inside {
						t.Error("OnDrained from inside a call")
					}
					drained.Add(1)
				}}
				c, peer := open(h)
				var want []byte
				do(t, l, func() {
					inside = true
					l.Collect(collect)
					for i := range 60 {
						piece := bytes.Repeat([]byte{byte(i)}, sizes[i%len(sizes)])
						want = append(want, piece...)
						c.NotifyDrained()
						if i%3 == 0 {
							c.Queue(piece)
						} else {
							c.Write(piece)
						}
						if l.Stats().Buffered != c.Buffered() {
							t.Errorf("the loop counts %d bytes, the connection %d", l.Stats().Buffered, c.Buffered())
						}
					}
					l.Collect(false)
					c.CloseWrite()
					inside = false
				})
				got, err := io.ReadAll(peer)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes came, %v; want %d", len(got), err, len(want))
				}
				do(t, l, func() {
					if n := c.Buffered() + l.Stats().Buffered; n != 0 {
						t.Errorf("%d bytes are left", n)
					}
				})
				if drained.Load() == 0 {
					t.Error("OnDrained was not told")
				}
			})
		})
	}
}

// A handler whose peer does not read is told when it may go on, and its half-close comes behind all it wrote.
func TestContractFull(t *testing.T) {
	contract(t, netpoll.Options{LowWater: 64 << 10}, func(t *testing.T, l *netpoll.Loop, open func(*hooks) (*netpoll.Conn, other)) {
		told, drained := signal()
		c, peer := open(&hooks{drained: func(c *netpoll.Conn) {
			if c.Buffered() > 64<<10 {
				t.Errorf("drained with %d bytes left", c.Buffered())
			}
			told(c)
		}})
		const total = 32 << 20
		piece := make([]byte, 1<<20)
		do(t, l, func() {
			for range total / len(piece) {
				c.Write(piece)
			}
			if !c.Full(1 << 20) {
				t.Errorf("%d bytes are queued only", c.Buffered())
			}
			if n := c.Buffered(); n > total+total/100 {
				t.Errorf("%d bytes are queued of %d", n, total)
			}
		})
		silent(t, drained, "drained")
		if n, err := io.CopyN(io.Discard, peer, total); err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		await(t, drained)
		do(t, l, func() { c.Write([]byte("the end")); c.CloseWrite(); c.Write([]byte("lost")) })
		if rest, err := io.ReadAll(peer); err != nil || string(rest) != "the end" {
			t.Errorf("%q, %v", rest, err)
		}
		say(t, peer, "the other direction stands")
	})
}

// Both ends of TCP at once, and what was sent before, arrive whatever the state of reading.
func TestContractEOF(t *testing.T) {
	contract(t, netpoll.Options{ReadBuffer: 700}, func(t *testing.T, l *netpoll.Loop, open func(*hooks) (*netpoll.Conn, other)) {
		var heard []string
		told, ended := signal()
		var n int
		c, peer := open(&hooks{data: func(c *netpoll.Conn, b []byte) { n += len(b); c.Pause(); _ = l.Post(c.Resume) },
			eof: func(c *netpoll.Conn) {
				heard = append(heard, "eof")
				c.Write([]byte("answer"))
				c.CloseWrite()
				told(c)
			}})
		say(t, peer, string(make([]byte, 10_000)))
		_ = peer.CloseWrite()
		await(t, ended)
		hear(t, peer, "answer")
		if _, err := io.ReadAll(peer); err != nil {
			t.Error(err)
		}
		do(t, l, func() {
			if n != 10_000 || !slices.Equal(heard, []string{"eof"}) {
				t.Errorf("%d bytes, then %q", n, heard)
			}
			c.Close()
		})
	})
}

// A reset is told as a failure, also to one who is paused and has nothing to read.
func TestContractReset(t *testing.T) {
	contract(t, netpoll.Options{}, func(t *testing.T, l *netpoll.Loop, open func(*hooks) (*netpoll.Conn, other)) {
		told, failed := failure()
		c, peer := open(&hooks{closed: told, data: func(*netpoll.Conn, []byte) { t.Error("data") }})
		do(t, l, c.Pause)
		raw, ok := peer.(*net.TCPConn)
		if !ok {
			raw = peer.(far).raw
		}
		_ = raw.SetLinger(0)
		_ = raw.Close()
		if err := await(t, failed); err == nil {
			t.Error("no error")
		}
		silent(t, failed, "OnClose")
	})
}

// accepted makes a connection of l for a socket, in clear or with TLS begun.
func accepted(t testing.TB, l *netpoll.Loop, h netpoll.Handler, begin func(c *netpoll.Conn)) netpoll.Addr {
	t.Helper()
	return listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, h); err != nil {
			t.Error(err)
		}
		if begin != nil {
			begin(c)
		}
	}).Addr()
}
