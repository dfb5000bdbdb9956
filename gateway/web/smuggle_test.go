package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/codec/http1"
	"weir/gateway/web"
)

func bufioOf(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }

// TestFieldsUp: what a client must not tell the endpoint.
func TestFieldsUp(t *testing.T) {
	for _, c := range []struct{ what, fields, want string }{
		{"hop-by-hop fields", "Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nTE: gzip\r\nTrailer: x\r\n", ""},
		{"what Connection names", "Connection: close, X-Secret\r\nX-Secret: 1\r\nX-Open: 2\r\n", "X-Open=[2]"},
		{"ours, named by Connection", "Connection: X-Forwarded-For, X-Real-IP, X-Forwarded-Proto\r\n", ""},
		{"lies", "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n", ""},
		{"lies in underscores", "X_Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n", ""},
		{"h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", ""},
		{"h2c that Connection hides", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", ""},
		{"an upgrade to what we do not speak", "Connection: Upgrade\r\nUpgrade: tls/1.0\r\n", ""},
		{"trailers are welcome", "TE: trailers\r\nConnection: TE\r\n", "Te=[trailers]"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := newRig(t, setup{specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
				ours := fmt.Sprint(r.Header["X-Forwarded-For"], r.Header["X-Real-Ip"], r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-Host"])
				for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host"} {
					r.Header.Del(name)
				}
				fmt.Fprintln(w, ours)
				for name, values := range r.Header {
					fmt.Fprint(w, name, "=", values)
				}
			})}})
			_, body := r.raw("GET / HTTP/1.1\r\nHost: x.example\r\n" + c.fields + "\r\n").answer(t)
			equal(t, "fields", body, "[127.0.0.1] [127.0.0.1] [http] [x.example]\n"+c.want)
		})
	}
}

func TestFieldsDown(t *testing.T) {
	r := newRig(t, setup{specs: []string{scripted(t, say("HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"+
		"Upgrade: h2,h2c\r\nProxy-Authenticate: Basic\r\nAlt-Svc: x\r\nContent-Length: 2\r\n\r\nok"))}})
	res, body := r.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n").answer(t)
	equal(t, "body", body, "ok")
	for _, name := range []string{"Connection", "X-Hop", "Keep-Alive", "Upgrade", "Proxy-Authenticate"} {
		equal(t, name, res.Header.Get(name), "")
	}
	equal(t, "Alt-Svc", res.Header.Get("Alt-Svc"), "x")
}

// TestUnreadBody: bytes of a body that nobody read are no request.
func TestUnreadBody(t *testing.T) {
	inner := "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	r := newRig(t, setup{
		specs: []string{scripted(t, say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"))},
		options: func(o *web.Options) {
			find := o.Find
			o.Find = func(r *http.Request, c *web.Client) (web.Found, *http1.Refusal) {
				if r.URL.Path == "/smuggled" {
					t.Error("the body is taken for a request")
				}
				if r.URL.Path == "/none" {
					return web.Found{}, &http1.Refusal{Status: 404, Reason: "no_route", Text: "No route.", Header: "X-More: yes\r\n"}
				}
				return find(r, c)
			}
		},
	})
	for _, path := range []string{"/none", "/answered"} {
		for _, framing := range []string{"Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n400\r\n"} {
			client := r.raw("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + framing + "abc")
			res, _ := client.answer(t)
			if res.StatusCode != 403 && res.StatusCode != 404 {
				t.Errorf("%s: status %d", path, res.StatusCode)
			}
			_, _ = io.WriteString(client, inner)
			_ = client.Conn.(interface{ CloseWrite() error }).CloseWrite()
			if rest, _ := io.ReadAll(client); len(rest) > 0 {
				t.Errorf("%s: and then came %.100q", path, rest)
			}
		}
	}
}

func TestRefusalByRoute(t *testing.T) {
	for _, secure := range []bool{false, true} {
		r := newRig(t, setup{tls: secure, specs: []string{nowhere(t)}, options: func(o *web.Options) {
			o.Find = func(*http.Request, *web.Client) (web.Found, *http1.Refusal) { return web.Found{}, http1.NotUpgrade }
		}})
		for _, method := range []string{"GET", "HEAD", "GET"} {
			res, body := r.do(method, "/", "")
			equal(t, "status", res.StatusCode, 426)
			equal(t, "length", int(res.ContentLength), len(http1.NotUpgrade.Text)+1)
			if method == "GET" {
				equal(t, "body", body, http1.NotUpgrade.Text+"\n")
			}
		}
		equal(t, "connections", r.server.Stats().Accepted, 1)
	}
}
