package gateway_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/config"
	"weir/upstream/accept"
)

// road is a gateway whose backend is reached by tunnels or by a pool.
type road struct {
	*gateway.Gateway
	t    testing.TB
	pool bool
	came chan *far
}

// far is the backend's end of a session. Of the peer in it, only what reads is used.
type far struct {
	*peer
	out   halfCloser
	asked http.Header
	agree func(http.Header) error
}

// eachRoad runs a test by tunnel and by pool.
func eachRoad(t *testing.T, change func(*config.Config), test func(t *testing.T, r *road)) {
	t.Helper()
	for _, name := range []string{"tunnel", "pool"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, startRoad(t, name == "pool", change))
		})
	}
}

func startRoad(t testing.TB, pool bool, change func(*config.Config)) *road {
	t.Helper()
	b := listen(t)
	r := &road{t: t, pool: pool, came: make(chan *far, 1000)}
	var ln net.Listener = b.ln
	url := b.url()
	if pool {
		l := accept.New(b.ln, accept.Options{})
		t.Cleanup(func() { _ = l.Close() })
		ln, url = l, strings.Replace(url, "ws:", "h2c:", 1)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go r.meet(conn)
		}
	}()
	r.Gateway = start(t, func(cfg *config.Config) {
		cfg.CloseTimeout, cfg.DrainTimeout = 200*time.Millisecond, 200*time.Millisecond
		if change != nil {
			change(cfg)
		}
	}, url)
	return r
}

// meet reads the request of a session that has come to the backend, and leaves the answer to the test.
func (r *road) meet(conn net.Conn) {
	f := &far{out: conn.(halfCloser)}
	if c, ok := conn.(*accept.Conn); ok {
		r.t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(4 * patience))
		f.peer = &peer{t: r.t, conn: new(net.TCPConn), in: bufio.NewReader(c)} // a connection without a socket ignores deadlines
		f.asked, f.agree = c.Request().Header, c.Respond
		r.came <- f
		return
	}
	f.peer = newPeer(r.t, conn, false)
	q, err := http.ReadRequest(f.in)
	if err != nil {
		return
	}
	f.asked = q.Header
	f.agree = func(more http.Header) error {
		var lines []string
		for name := range more {
			lines = append(lines, name+": "+more.Get(name))
		}
		_, err := conn.Write([]byte(switching(&message{fields: q.Header}, lines...)))
		return err
	}
	r.came <- f
}

// accept waits for a session to come to the backend.
func (r *road) accept() *far {
	r.t.Helper()
	select {
	case f := <-r.came:
		return f
	case <-time.After(patience):
		r.t.Fatal("no session came to the backend")
		return nil
	}
}

// session opens a WebSocket for a client that sends the given field lines.
func (r *road) session(lines ...string) (client *peer, server *far) {
	r.t.Helper()
	return r.through(connect(r.t, r.Gateway), lines...)
}

// slowly opens one for a client for which the kernel keeps little, so that the gateway soon has to.
func (r *road) slowly(lines ...string) (client *peer, server *far) {
	r.t.Helper()
	d := net.Dialer{Timeout: patience, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if e := raw.Control(func(fd uintptr) {
			err = errors.Join(syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400)) // the gateway's send buffer begins with ten of these
		}); e != nil {
			return e
		}
		return err
	}}
	conn, err := d.Dial("tcp", r.Addrs()[0].String())
	if err != nil {
		r.t.Fatal(err)
	}
	return r.through(newPeer(r.t, conn, true), lines...)
}

func (r *road) through(client *peer, lines ...string) (*peer, *far) {
	r.t.Helper()
	client.write(handshake("/", lines...))
	server := r.accept()
	if err := server.agree(nil); err != nil {
		r.t.Fatal(err)
	}
	client.wantStatus(101)
	return client, server
}

func (f *far) write(text string) {
	f.t.Helper()
	if err := f.try([]byte(text)); err != nil {
		f.t.Fatalf("writing: %v", err)
	}
}

// try is write for other goroutines than the test's.
func (f *far) try(b []byte) error {
	_ = f.out.SetWriteDeadline(time.Now().Add(patience))
	_, err := f.out.Write(b)
	return err
}

func (f *far) send(op ws.OpCode, payload string) {
	f.t.Helper()
	f.write(string(f.encode(ws.NewFrame(op, true, []byte(payload)))))
}

func (f *far) sendClose(code ws.StatusCode) {
	f.t.Helper()
	f.send(ws.OpClose, string(ws.NewCloseFrameBody(code, "")))
}

// fill sends unit over and over until nothing goes any more, for several stalls in a row, as a busy gateway takes nothing for a
// while, too; an error if that never comes.
func (f *far) fill(unit []byte) (sent int, err error) {
	for stalls := 0; sent < 64<<20; {
		_ = f.out.SetWriteDeadline(time.Now().Add(stall))
		n, err := f.out.Write(unit[sent%len(unit):])
		sent += n
		if n > 0 {
			stalls = 0
		} else if stalls++; stalls == 5 && errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, err
		}
	}
	return sent, errors.New("nothing holds the sender back")
}

// flood sends b over and over, from a goroutine of its own, until the backend's end is closed or the gateway takes no more.
func (f *far) flood(b []byte) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for f.try(b) == nil {
		}
	}()
	return done
}

// ended is the series of sessions that ended for a reason, with a code.
func ended(reason, code string) string {
	return `weir_sessions_closed_total{reason="` + reason + `",code="` + code + `"}`
}
