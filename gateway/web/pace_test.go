package web_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"weir/gateway/web"
)

// paced is a rig whose clients have to take 20 KB/s over the time of a stall; its endpoint sends as much as one likes.
func paced(t *testing.T, secure bool, stall time.Duration) *rig {
	return newRig(t, setup{loop: !secure, tls: secure, specs: []string{backend(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(w, endless{}, 100<<20)
	})}, options: func(o *web.Options) { o.MinRate, o.StallTimeout = 20_000, stall }})
}

// TestTricklingReader: who takes a byte now and then is cut, also on a connection that has taken much before.
func TestTricklingReader(t *testing.T) {
	r := paced(t, false, time.Second/2)
	c := r.raw("")
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_, _ = io.CopyN(io.Discard, c, 1<<20)
	go func() {
		for b := make([]byte, 1); ; time.Sleep(10 * time.Millisecond) {
			if _, err := c.Conn.Read(b); err != nil {
				return
			}
		}
	}()
	l := r.line()
	equal(t, "reason", l.Reason, "client_stalled")
	_ = c.Close()
}

// TestSlowReader: who keeps the pace gets all, however long it takes.
func TestSlowReader(t *testing.T) {
	r := paced(t, false, 3*time.Second/2)
	c := r.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	for range 40 { // 2 s at least
		if _, err := io.CopyN(io.Discard, c, 100<<10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	select {
	case l := <-r.lines:
		t.Errorf("the answer ended: %+v", l)
	default:
	}
	_ = c.Close()
}

// TestTricklingStreams: each stream of a connection is held to the pace, by what its window lets pass.
func TestTricklingStreams(t *testing.T) {
	r := paced(t, true, time.Second/2)
	c := r.h2()
	c.ask(pseudo("a.example", "/trickle")...)
	c.ask(pseudo("a.example", "/steady")...)
	go func() {
		for range 60 {
			_, _ = c.conn.Write(nil)
			if c.WriteWindowUpdate(1, 1) != nil || c.WriteWindowUpdate(3, 16<<10) != nil || c.WriteWindowUpdate(0, 17<<10) != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	for {
		f, err := c.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		reset, ok := f.(*http2.RSTStreamFrame)
		if !ok {
			continue
		}
		equal(t, "stream that is reset", reset.StreamID, 1)
		break
	}
	l := r.line()
	equal(t, "line", fmt.Sprint(l.Path, l.Reason), "/trickleclient_stalled")
	_ = c.conn.Close()
}

// TestHalfClose: a client that ends its direction behind its request gets the answer, unless it is gone altogether.
func TestHalfClose(t *testing.T) {
	for _, half := range []bool{true, false} {
		asked, left, release := make(chan bool), make(chan bool, 1), make(chan bool)
		r := newRig(t, setup{loop: true, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked <- true
			select {
			case <-release:
				_, _ = w.Write(body)
			case <-r.Context().Done():
				left <- true
			}
		})}, options: func(o *web.Options) { o.HalfClose = half }})
		ask := func(method string) raw {
			c := r.raw(method + " / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
			if method == "POST" {
				<-asked
			}
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			if method != "POST" {
				<-asked
			}
			return c
		}
		for _, method := range []string{"POST", "PUT"} { // which ends with its last byte
			c := ask(method)
			if half {
				time.Sleep(20 * time.Millisecond) // in which it would be taken to have left
				release <- true
				if _, body := c.answer(t); body != "ok" {
					t.Errorf("got %q", body)
				}
			} else {
				<-left
			}
			if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
				t.Errorf("and then %q, %v", rest, err)
			}
		}
	}
}

// TestHalfCloseReset: a reset says that nobody waits any more, however close it comes behind the end of the direction. Of a
// unix socket it is enough that the client closes it.
func TestHalfCloseReset(t *testing.T) {
	for _, by := range []setup{{}, {tls: true}, {unix: true}, {unix: true, tls: true}} {
		secure := by.tls
		asked, left := make(chan bool), make(chan bool, 1)
		r := newRig(t, setup{loop: true, tls: secure, unix: by.unix, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != "ok" {
				return
			}
			asked <- true
			<-r.Context().Done()
			left <- true
		})}, options: func(o *web.Options) { o.HalfClose = true }})
		const request = " / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"
		for _, way := range []string{"behind the end", "while served", "on a kept connection"} {
			tcp := r.raw("").Conn
			c := tcp
			if secure {
				c = tls.Client(tcp, clientTrust())
			}
			if way == "on a kept connection" {
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				raw{c, bufio.NewReader(c)}.answer(t)
			}
			_, _ = io.WriteString(c, "POST"+request)
			if way != "while served" {
				<-asked
			}
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
			if secure {
				_ = tcp.(interface{ CloseWrite() error }).CloseWrite() // tls says good-bye, and no more
			}
			if way == "while served" {
				<-asked
			}
			if tcp, ok := tcp.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = tcp.Close()
			select {
			case <-left:
			case <-time.After(patience):
				t.Fatalf("%s, TLS %v, unix socket %v: the endpoint still works for a client that is gone", way, secure, by.unix)
			}
		}
	}
}

// TestHalfCloseInside: half a request is none.
func TestHalfCloseInside(t *testing.T) {
	r := newRig(t, setup{loop: true, specs: []string{backend(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })},
		options: func(o *web.Options) { o.HalfClose = true }})
	for _, text := range []string{"", "GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"} {
		c := r.raw(text)
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		rest, err := io.ReadAll(c)
		if err != nil || strings.HasPrefix(string(rest), "HTTP/1.1 200") {
			t.Errorf("%q: got %q, %v", text, rest, err)
		}
	}
}
