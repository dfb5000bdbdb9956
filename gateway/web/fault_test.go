package web_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/gateway/web"
)

// scripted is an endpoint that reads a request's head and then does as it is told.
func scripted(t *testing.T, do func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var b []byte
				for buf := make([]byte, 1024); !strings.Contains(string(b), "\r\n\r\n"); {
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					b = append(b, buf[:n]...)
				}
				do(conn)
			}()
		}
	}()
	return "ws://" + l.Addr().String()
}

func say(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

func TestBackendFaults(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	for _, c := range []struct {
		what   string
		do     func(net.Conn)
		status int
		reason string
	}{
		{"closes without a word", func(net.Conn) {}, 502, "backend_closed_early"},
		{"says what is no HTTP", say("SSH-2.0-OpenSSH_9.2\r\n"), 502, "backend_bad_answer"},
		{"switches protocols unasked", say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), 502, "backend_bad_answer"},
		{"has a giant head", say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n"), 502, "backend_bad_answer"},
		{"says nothing", func(net.Conn) { <-hold }, 504, "backend_answer_timeout"},
		{"stops inside the head", func(conn net.Conn) { say("HTTP/1.1 200 OK\r\nX")(conn); <-hold }, 504, "backend_answer_timeout"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := newRig(t, setup{specs: []string{scripted(t, c.do)}, more: web.TransportOptions{AnswerTimeout: 200 * time.Millisecond}})
			res, body := r.do("POST", "/", "a body")
			equal(t, "status", res.StatusCode, c.status)
			equal(t, "Content-Type", res.Header.Get("Content-Type"), "text/plain")
			equal(t, "Cache-Control", res.Header.Get("Cache-Control"), "no-store")
			if !strings.HasSuffix(body, ".\n") {
				t.Errorf("body %q is no sentence", body)
			}
			equal(t, "reason", r.line().Reason, c.reason)
			equal(t, "reason counted", r.server.Stats().ByReason[c.reason], 1)
			equal(t, "endpoint's failures", r.group.Endpoints()[0].Stats().ConnectFailures, 0)
		})
	}
}

// TestBrokenAnswer: a body that breaks off must not look whole, however its end was to be told.
func TestBrokenAnswer(t *testing.T) {
	for what, answer := range map[string]string{
		"of a length": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it",
		"in chunks":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf of it",
	} {
		for _, secure := range []bool{false, true} {
			r := newRig(t, setup{specs: []string{scripted(t, say(answer))}, tls: secure})
			res, err := r.client.Get(r.url)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				_ = res.Body.Close()
			}
			if err == nil {
				t.Errorf("%s, TLS %v: the client sees a whole answer", what, secure)
			}
			equal(t, "reason", r.line().Reason, "backend_lost")
		}
	}
}

func TestUnreachable(t *testing.T) {
	calls := make(chan string, 8)
	good := backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- string(body)
	})
	t.Run("another endpoint gets the request, body and all", func(t *testing.T) {
		r := newRig(t, setup{specs: []string{nowhere(t), nowhere(t), good}, plan: func(p *web.Plan) { p.Retries = 2 }})
		for i := range 20 {
			res, _ := r.do("POST", "/", "precious", "X-Key", fmt.Sprint(i))
			equal(t, "status", res.StatusCode, 200)
			equal(t, "body", <-calls, "precious")
			equal(t, "endpoint", r.line().Endpoint, good)
		}
		healthy := 0
		for _, e := range r.group.Endpoints() {
			if e.Healthy() {
				healthy++
			}
		}
		equal(t, "healthy", healthy, 1)
	})
	t.Run("no more than the retries", func(t *testing.T) {
		r := newRig(t, setup{specs: []string{nowhere(t), nowhere(t), nowhere(t)}})
		res, _ := r.do("GET", "/", "")
		equal(t, "status", res.StatusCode, 502)
		equal(t, "reason", r.line().Reason, "backend_connect_failed")
		failures := uint64(0)
		for _, e := range r.group.Endpoints() {
			failures += e.Stats().ConnectFailures
		}
		equal(t, "tries", failures, 2)
	})
	t.Run("nobody is well", func(t *testing.T) {
		r := newRig(t, setup{specs: []string{nowhere(t)}})
		for range 4 {
			r.do("GET", "/", "")
			r.line()
		}
		res, _ := r.do("GET", "/", "")
		equal(t, "status", res.StatusCode, 503)
		equal(t, "reason", r.line().Reason, "no_endpoint")
	})
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		s := httptest.NewUnstartedServer(nil)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		r := newRig(t, setup{specs: []string{specOf("wss", s.URL)}})
		res, _ := r.do("GET", "/", "")
		equal(t, "status", res.StatusCode, 502)
		equal(t, "reason", r.line().Reason, "backend_tls_failed")
	})
	t.Run("a handshake that never ends", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		r := newRig(t, setup{specs: []string{"wss://" + l.Addr().String()}, more: web.TransportOptions{ConnectTimeout: 100 * time.Millisecond}})
		res, _ := r.do("GET", "/", "")
		equal(t, "status", res.StatusCode, 504)
		equal(t, "reason", r.line().Reason, "backend_connect_timeout")
	})
}

// TestNoSecondChance: what may have been sent is not sent to another.
func TestNoSecondChance(t *testing.T) {
	var asked atomic.Int64
	endpoint := func() string {
		return scripted(t, func(net.Conn) { asked.Add(1) })
	}
	r := newRig(t, setup{specs: []string{endpoint(), endpoint(), endpoint()}, plan: func(p *web.Plan) { p.Retries = 2 }})
	res, _ := r.do("POST", "/pay", "100")
	equal(t, "status", res.StatusCode, 502)
	equal(t, "endpoints asked", asked.Load(), 1)
}
