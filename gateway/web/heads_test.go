package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"weir/codec/http1"
	"weir/gateway/web"
)

// heads starts an endpoint that notes each request's head and answers with the next of answers.
func heads(t *testing.T, answers ...string) (spec string, asked chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	asked = make(chan string, len(answers))
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for head := ""; ; {
				line, err := in.ReadString('\n')
				if head += line; err != nil {
					_ = conn.Close()
					break
				}
				if line == "\r\n" {
					asked <- head
					_, _ = io.WriteString(conn, answers[0])
					answers, head = answers[1:], ""
				}
			}
		}
	}()
	return "ws://" + l.Addr().String(), asked
}

// rawHead reads the head of an answer as it is.
func (c raw) rawHead(t *testing.T) (head string) {
	t.Helper()
	for {
		line, err := c.ReadString('\n')
		if head += line; err != nil || line == "\r\n" {
			return head
		}
	}
}

func wantLines(t *testing.T, what, head string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\r\n"+head, "\r\n"+line+"\r\n") {
			t.Errorf("%s: no line %q in\n%s", what, line, head)
		}
	}
	names := map[string]int{}
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		names[textproto.CanonicalMIMEHeaderKey(name)]++
	}
	for _, name := range []string{"Content-Type", "Content-Length", "Date", "Connection", "User-Agent", "Host"} {
		if names[name] > 1 {
			t.Errorf("%s: %d of %s in\n%s", what, names[name], name, head)
		}
	}
}

// TestHeadsKeepTheirForm: names and phrases pass as they came, in requests behind each other, too.
func TestHeadsKeepTheirForm(t *testing.T) {
	answer := func(n int) string {
		return fmt.Sprintf("HTTP/1.1 100 Continue\r\nX-odd: no\r\n\r\nHTTP/1.1 200 All is well %d\r\nETag: \"%d\"\r\ndate: today\r\ncontent-type: text/odd\r\n"+
			"WWW-Authenticate: a\r\nSet-cookie: a\r\nset-Cookie: b\r\nx-Answer-%d: yes\r\ncontent-length: 2\r\n\r\nok", n, n, n)
	}
	spec, asked := heads(t, answer(1), answer(2), answer(3), "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n")
	r := newRig(t, setup{specs: []string{spec}, plan: func(p *web.Plan) {
		p.EndpointHeader = "X-ENDPOINT"
		p.Rules = &http1.Rules{Forwarded: true, Request: []http1.Rule{{Op: http1.Set, Name: "x-TEAM", Value: "blue"}}, Response: []http1.Rule{{Op: http1.Set, Name: "x-rule", Value: "1"}}}
	}})
	ask := func(n int) string {
		return fmt.Sprintf("GET /%d HTTP/1.1\r\nhost: x\r\nuser-agent: odd\r\nSOAPAction: a\r\ndnt: 1\r\nX-Ask-%d-ID: b\r\nx-ask-%d-id: c\r\naccept: */*\r\n\r\n", n, n, n)
	}
	c := r.raw(ask(1) + ask(2)) // the second comes while the first is served
	for n := 1; n <= 3; n++ {
		if n == 3 {
			_, _ = io.WriteString(c, ask(3))
		}
		wantLines(t, "request", <-asked, fmt.Sprintf("GET /%d HTTP/1.1", n), "Host: x", "user-agent: odd", "SOAPAction: a", "dnt: 1", "accept: */*",
			fmt.Sprintf("x-ask-%d-id: b", n), fmt.Sprintf("x-ask-%d-id: c", n), "x-TEAM: blue", "X-Real-IP: 127.0.0.1")
		wantLines(t, "interim answer", c.rawHead(t), "HTTP/1.1 100 Continue")
		wantLines(t, "answer", c.rawHead(t), fmt.Sprintf("HTTP/1.1 200 All is well %d", n), fmt.Sprintf("ETag: \"%d\"", n), "date: today", "content-type: text/odd",
			"WWW-Authenticate: a", "set-Cookie: a", "set-Cookie: b", fmt.Sprintf("x-Answer-%d: yes", n), "x-rule: 1", "X-ENDPOINT: "+r.group.Endpoints()[0].Name)
		_, _ = io.CopyN(io.Discard, c, 2)
	}
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if head := <-asked; strings.Contains(strings.ToLower(head), "user-agent") {
		t.Errorf("the request got a user agent:\n%s", head)
	}
	wantLines(t, "answer without a phrase", c.rawHead(t), "HTTP/1.1 404 ")
}

// TestOddRequests: what is seldom sent and has one meaning is taken.
func TestOddRequests(t *testing.T) {
	r := newRig(t, setup{specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.Host, r.RequestURI, body)
	})}, plan: func(p *web.Plan) { p.Rules = new(http1.Rules) }})
	endpoint := strings.TrimPrefix(r.group.Endpoints()[0].Name, "ws://")
	for _, c := range []struct{ what, request, want string }{
		{"absolute form", "GET http://other.example:81/a?b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 GET other.example:81 /a?b "},
		{"absolute form without a path", "GET HTTPS://other.example HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 GET other.example / "},
		{"HTTP/1.0", "GET /a HTTP/1.0\r\nHost: x\r\n\r\n", "HTTP/1.0 GET x /a "},
		{"HTTP/1.0 without a Host", "POST /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.0 POST " + endpoint + " /a ab"},
		{"equal lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 POST x / a"},
		{"a list of lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na", "HTTP/1.1 POST x / a"},
		{"empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 GET x / "},
		{"an empty port", "GET / HTTP/1.1\r\nHost: x:\r\n\r\n", "HTTP/1.1 GET x / "},
	} {
		for _, before := range []string{"", "GET /first HTTP/1.1\r\nHost: x\r\n\r\n"} {
			client := r.raw(before + c.request)
			if before != "" {
				client.answer(t)
			}
			res, body := client.answer(t)
			equal(t, c.what, res.Proto+" "+body, c.want)
		}
	}
}

// TestUpgradeRequired: a 426 without Upgrade says nothing (RFC 9110 section 15.5.22).
func TestUpgradeRequired(t *testing.T) {
	const answer = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno"
	r := newRig(t, setup{specs: []string{scripted(t, say(answer))}})
	wantLines(t, "answer", r.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n").rawHead(t), "HTTP/1.1 426 Upgrade Required", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
	r = newRig(t, setup{tls: true, specs: []string{scripted(t, say(answer))}})
	res, body := r.do("GET", "/", "")
	equal(t, "over HTTP/2", fmt.Sprint(res.StatusCode, body, res.Header.Get("Upgrade"), res.Header.Get("Sec-WebSocket-Version")), "426no13")
}
