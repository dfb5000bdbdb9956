package upstream

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/codec/http1"
)

// upgrade reads an upgrade request and answers 101.
func upgrade(conn net.Conn) (*http.Request, error) {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		_, err = io.WriteString(conn, switching(""))
	}
	return req, err
}

// switching is a good answer with further fields.
func switching(fields string) string {
	accept := http1.Accept([]byte("dGhlIHNhbXBsZSBub25jZQ=="))
	return fmt.Sprintf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n", accept[:], fields)
}

// tunnelled is a client whose request a backend has read.
func tunnelled(t *testing.T, change func(*Dialer)) (*rig, *client, net.Conn) {
	t.Helper()
	b := listen(t)
	r := newRig(t, change, b.url("ws"))
	c := r.ask(1)[0]
	conn := b.plain()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	if req.RequestURI != "/chat?x=1" || req.Host != "example.org" || req.Header.Get("Origin") != "http://example.org" {
		t.Errorf("asked for %s at %s with %v", req.RequestURI, req.Host, req.Header)
	}
	return r, c, conn
}

func send(t *testing.T, conn net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(conn, s); err != nil {
		t.Error(err)
	}
}

// The answer is understood wherever it is cut in two, with interim answers before it and data behind it.
func TestTunnelAnswerInPieces(t *testing.T) {
	answer := "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + switching("X-A: b\r\n") + "hello"
	for cut := 0; cut <= len(answer); cut += 7 {
		r, c, conn := tunnelled(t, nil)
		send(t, conn, answer[:cut])
		if cut > 0 && cut < len(answer)-5 { // until the first piece is known to have been read
			r.await("the piece is kept", func() bool {
				return c.attempt != nil && c.attempt.way.(*tunnel).answer.head != nil || finished(answer[:cut])
			})
		}
		send(t, conn, answer[cut:])
		c.want("answer 101")
		if got := c.read(5); string(got) != "hello" {
			t.Fatalf("cut at %d: received %q", cut, got)
		}
		c.write("back")
		back := make([]byte, 4)
		if _, err := io.ReadFull(conn, back); err != nil || string(back) != "back" {
			t.Fatalf("the backend received %q, %v", back, err)
		}
		r.do(c.close)
	}
}

// finished tells whether a piece ends with an interim answer, of which nothing is kept.
func finished(piece string) bool { return strings.HasSuffix(piece, "\r\n\r\n") }

func TestTunnelAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		heard  []string
		body   string
		end    bool // the backend closes behind it
	}{
		"body of a length":     {"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nsorryX", []string{"answer 403", "eof"}, "sorry", false},
		"body up to the end":   {"HTTP/1.1 403 No\r\n\r\nsorry", []string{"answer 403", "eof"}, "sorry", true},
		"no body":              {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", []string{"answer 404", "eof"}, "", false},
		"body that breaks off": {"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nso", []string{"answer 403", "lost"}, "so", true},
		"wrong Accept":         {strings.Replace(switching(""), "Accept: ", "Accept: x", 1), []string{"refused backend_bad_answer"}, "", false},
		"not HTTP":             {"SSH-2.0-OpenSSH\r\n\r\n", []string{"refused backend_bad_answer"}, "", false},
		"head without an end":  {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10), []string{"refused backend_bad_answer"}, "", false},
		"closes":               {"", []string{"refused backend_closed_early"}, "", true},
		"closes in the head":   {"HTTP/1.1 101 Swi", []string{"refused backend_closed_early"}, "", true},
		"ends behind its 101":  {switching(""), []string{"answer 101", "eof"}, "", true},
		"length of two kinds":  {"HTTP/1.1 403 No\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nsorry", []string{"refused backend_bad_answer"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, client, conn := tunnelled(t, nil)
			_, _ = conn.Write([]byte(c.answer)) // the last of it may come too late
			if c.end {
				_ = conn.Close()
			}
			for _, event := range c.heard {
				client.want(event)
			}
			if got := client.read(len(c.body)); string(got) != c.body {
				t.Errorf("the body is %q, want %q", got, c.body)
			}
		})
	}
}

func TestTunnelTriesElsewhere(t *testing.T) {
	dead, alive := listen(t), listen(t)
	dead.ln.Close()
	r := newRig(t, nil, dead.url("ws"), alive.url("ws"))
	q := request()
	for q.Key = 0; !strings.HasSuffix(r.dialer.Group.First(q.Key, nil).Name, dead.ln.Addr().String()); q.Key++ {
	}
	c := r.newClient()
	r.do(func() { r.open(c, q) })
	if _, err := upgrade(alive.plain()); err != nil {
		t.Fatal(err)
	}
	c.want("answer 101")
	for _, e := range r.dialer.Group.Endpoints() {
		want := int64(0)
		if strings.HasSuffix(e.Name, alive.ln.Addr().String()) {
			want = 1
		}
		if e.Active() != want || int64(e.Stats().Connects) != want || int64(e.Stats().ConnectFailures) != 1-want {
			t.Errorf("%s: load %d, %+v", e.Name, e.Active(), e.Stats())
		}
	}
}

func TestNobodyLeftToTry(t *testing.T) {
	for _, scheme := range []string{"ws", "h2c", "ws+h2c"} {
		t.Run(scheme, func(t *testing.T) {
			one, two := listen(t), listen(t)
			one.ln.Close()
			two.ln.Close()
			r := newRig(t, nil, one.url(scheme), two.url(scheme))
			r.ask(1)[0].want("refused backend_connect_failed")
			for _, e := range r.dialer.Group.Endpoints() {
				if e.Stats().ConnectFailures != 1 {
					t.Errorf("%s: %+v, want one failure", e.Name, e.Stats())
				}
			}
		})
	}
}

func TestRetriesAreBounded(t *testing.T) {
	var dead []string
	for range 4 {
		b := listen(t)
		b.ln.Close()
		dead = append(dead, b.url("ws"))
	}
	r := newRig(t, func(d *Dialer) { d.Retries = 1 }, dead...)
	r.ask(1)[0].want("refused backend_connect_failed")
	var tried uint64
	for _, e := range r.dialer.Group.Endpoints() {
		tried += e.Stats().ConnectFailures
	}
	if tried != 2 {
		t.Errorf("%d endpoints were tried, want 2", tried)
	}
}

func TestTunnelTimesOut(t *testing.T) {
	_, c, conn := tunnelled(t, func(d *Dialer) { d.AnswerTimeout = 30 * time.Millisecond })
	_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101") // fails if the end was faster
	c.want("refused backend_answer_timeout")
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the connection is still open")
	}
}

// An attempt over a tunnel may be given up at any stage, and so may the tunnel.
func TestTunnelCancel(t *testing.T) {
	b := listen(t)
	r := newRig(t, nil, b.url("ws"))
	r.do(r.ask(1)[0].close) // perhaps not connected yet
	b.raw()
	for name, answer := range map[string]string{
		"asked": "", "inside the head": "HTTP/1.1 10", "declined": "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nso", "switched": switching("") + "data",
	} {
		t.Run(name, func(t *testing.T) {
			c := r.ask(1)[0]
			conn := b.plain()
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
				t.Fatal(err)
			}
			if r.do(func() { c.hook = func(string) { c.close() } }); name == "asked" || name == "inside the head" {
				send(t, conn, answer)
				r.do(c.close)
			} else {
				send(t, conn, answer)
				c.want("answer " + map[string]string{"declined": "403", "switched": "101"}[name])
			}
			if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Error("the connection is still open")
			}
			if n := r.dialer.Group.Endpoints()[0].Active(); n != 0 || len(c.data) != 0 {
				t.Errorf("a load of %d, %d pieces of data after the end", n, len(c.data))
			}
		})
	}
}

// Backpressure and ends of a tunnel are those of its connection.
func TestTunnelIsAStream(t *testing.T) {
	r, c, conn := tunnelled(t, nil)
	send(t, conn, switching(""))
	c.want("answer 101")
	r.do(c.stream.Pause)
	send(t, conn, "later")
	r.do(func() {
		if len(c.data) != 0 || c.stream.Buffered() != 0 || c.stream.Full(0) {
			t.Errorf("%d pieces came while paused; buffered %d", len(c.data), c.stream.Buffered())
		}
		c.stream.Resume()
	})
	c.read(5)
	r.do(func() { c.stream.Queue([]byte("bye")); c.stream.CloseWrite() })
	if all, err := io.ReadAll(conn); err != nil || string(all) != "bye" {
		t.Errorf("the backend received %q, %v", all, err)
	}
	_ = socket(conn).SetLinger(0)
	_ = socket(conn).Close()
	for event := range c.events {
		if event == "lost" {
			break
		}
	}
	if e := r.dialer.Group.Endpoints()[0]; e.Active() != 0 {
		t.Errorf("a load of %d", e.Active())
	}
}
