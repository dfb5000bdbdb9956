package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/gateway/web"
)

// TestRefusedRequests: none of these may reach an endpoint, nor what is behind it, wherever on a connection it comes.
func TestRefusedRequests(t *testing.T) {
	r := newRig(t, setup{specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/first" {
			t.Errorf("the endpoint got %s %s", r.Method, r.RequestURI)
		}
	})}})
	const first, behind = "GET /first HTTP/1.1\r\nHost: x\r\n\r\n", "GET /behind HTTP/1.1\r\nHost: x\r\n\r\n"
	t.Run("all", func(t *testing.T) { // net/http waits a little for each client to take its answer
		for _, c := range []struct {
			what, request string
			status        int
		}{
			{"CONNECT", "CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n", 405},
			{"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
			{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
			{"two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
			{"a Host with a comma", "GET / HTTP/1.1\r\nHost: x,y\r\n\r\n", 400},
			{"a fragment", "GET /#/../admin HTTP/1.1\r\nHost: x\r\n\r\n", 400},
			{"two lengths", "POST /bad HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
			{"a signed length", "POST /bad HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400},
			{"an unknown coding", "POST /bad HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
			{"a space before the colon", "GET / HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n", 400},
			{"a head that is too large", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 17<<10) + "\r\n\r\n", 431},
			{"too many fields", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 101) + "\r\n", 431},
			{"garbage", "\x16\x03\x01\x00\xa5\x01\r\n\r\n", 400},
			{"length and chunked", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
			{"chunked and length", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
			{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
			{"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
			{"absolute form of another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
			{"a list of lengths that differ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\na", 400},
			{"an empty line with a space in front", " \r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
			{"LF alone", "GET / HTTP/1.1\nHost: x\n\n", 400},
			{"LF alone at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400},
			{"a folded field", "GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n", 400},
			{"what stands for a refusal", "GET * HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", 400},
		} {
			for way, send := range map[string]func(raw, string){
				"first":  func(c raw, bad string) { _, _ = io.WriteString(c, bad) },
				"second": func(c raw, bad string) { _, _ = io.WriteString(c, first); c.answer(t); _, _ = io.WriteString(c, bad) },
				"behind": func(c raw, bad string) { _, _ = io.WriteString(c, first+bad); c.answer(t) },
				"second, in pieces": func(c raw, bad string) {
					_, _ = io.WriteString(c, first)
					c.answer(t)
					for len(bad) > 0 {
						n := min(97, len(bad))
						_, _ = io.WriteString(c, bad[:n])
						bad = bad[n:]
					}
				},
			} {
				t.Run(c.what+", "+way, func(t *testing.T) {
					t.Parallel()
					client := r.raw("")
					send(client, c.request+behind)
					res, body := client.answer(t)
					equal(t, "status", fmt.Sprint(res.StatusCode, res.Proto, res.Close), fmt.Sprint(c.status, "HTTP/1.1", true))
					equal(t, "Content-Type", res.Header.Get("Content-Type"), "text/plain")
					if !strings.HasSuffix(body, "\n") {
						t.Errorf("body %q", body)
					}
					if rest, _ := io.ReadAll(client); len(rest) > 0 {
						t.Errorf("and then came %.100q", rest)
					}
				})
			}
		}
	})
}

// TestRefusalArrives where the client has sent more than anybody reads: a reset would take it away.
func TestRefusalArrives(t *testing.T) {
	r := newRig(t, setup{specs: []string{nowhere(t)}})
	for what, text := range map[string]string{
		"a bad head":               "GET /\n",
		"a body that nobody reads": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
	} {
		client := r.raw(text + strings.Repeat("x", 100<<10))
		res, body := client.answer(t)
		if rest, err := io.ReadAll(client); len(rest) > 0 || err != nil {
			t.Errorf("%s: status %d, body %q, then %q, %v", what, res.StatusCode, body, rest, err)
		}
	}
}

func TestRefusalIsTold(t *testing.T) {
	r := newRig(t, setup{specs: []string{nowhere(t)}})
	_, _ = io.ReadAll(r.raw("GET /secret HTTP/1.1\nHost: x\r\n\r\n"))
	l := r.line()
	equal(t, "line", fmt.Sprint(l.Method, l.Host, l.Path, l.Status, l.Reason), "400bare_lf")
	equal(t, "counted", r.server.Stats().ByReason["bare_lf"], 1)
}

func TestSlowHead(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	short, long := 150*time.Millisecond, 2*patience
	for _, c := range []struct {
		what, text   string
		header, idle time.Duration
	}{
		{"nothing", "", short, long},
		{"the first head", request[:20], short, long},
		{"a later head", request + request[:20], short, long},
		{"a head behind a body", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + request[:1], short, long},
		{"no later request", request, long, short},
	} {
		for _, drip := range []bool{false, true} {
			r := newRig(t, setup{specs: []string{backend(t, func(http.ResponseWriter, *http.Request) {})}, options: func(o *web.Options) {
				o.HeaderTimeout, o.IdleTimeout = c.header, c.idle
			}})
			client := r.raw(c.text)
			began := time.Now()
			if drip && c.header == short {
				go dripInto(client)
			}
			_, _ = io.ReadAll(client)
			if took := time.Since(began); took > patience/2 || took < short/2 {
				t.Errorf("%s, more of it %v: waited for %v", c.what, drip, took)
			}
		}
	}
}

func dripInto(c net.Conn) {
	for {
		if _, err := io.WriteString(c, "X"); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestHeadInTime: a head that came too early has its time from the answer before it on, which it does not disturb, and
// may take it although the time to be idle is over.
func TestHeadInTime(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	const short, long = 150 * time.Millisecond, patience
	for _, c := range []struct{ header, idle time.Duration }{{short, long}, {long, short}} {
		serve := make(chan struct{})
		r := newRig(t, setup{specs: []string{backend(t, func(http.ResponseWriter, *http.Request) { <-serve })}, options: func(o *web.Options) {
			o.HeaderTimeout, o.IdleTimeout = c.header, c.idle
		}})
		client := r.raw(request + request[:20])
		time.Sleep(2 * short) // nothing happens in it, which is the point
		close(serve)
		res, _ := client.answer(t)
		equal(t, "status", res.StatusCode, 200)
		time.Sleep(2 * short)
		_, _ = io.WriteString(client, request[20:])
		res, err := http.ReadResponse(client.Reader, nil)
		if inTime := err == nil && res.StatusCode == 200; inTime != (c.header == long) {
			t.Errorf("%v for the head, %v idle: the second is answered with %v, %v", c.header, c.idle, res, err)
		}
	}
}
