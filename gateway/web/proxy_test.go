package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"

	"weir/codec/http1"
	"weir/gateway/web"
	"weir/upstream"
)

func TestPassesBothWays(t *testing.T) {
	r := newRig(t, setup{
		specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Saw", fmt.Sprintf("%s %s %s %q", r.Method, r.RequestURI, r.Host, body))
			w.Header().Set("X-For", r.Header.Get("X-Forwarded-For"))
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "done")
		})},
		plan: func(p *web.Plan) {
			p.EndpointHeader = "X-Endpoint"
			p.Rules = &http1.Rules{Forwarded: true, Host: "inside.example", Response: []http1.Rule{{Op: http1.Set, Name: "X-Rule", Value: "yes"}}}
		},
	})
	for range 3 {
		res, body := r.do("POST", "/a%2Fb/..;/'c\"d?q=%zz&token=secret", "hello")
		equal(t, "status", res.StatusCode, 201)
		equal(t, "body", body, "done")
		equal(t, "seen by the backend", res.Header.Get("X-Saw"), `POST /a%2Fb/..;/'c"d?q=%zz&token=secret inside.example "hello"`)
		equal(t, "X-Forwarded-For", res.Header.Get("X-For"), "127.0.0.1")
		equal(t, "the rule's field", res.Header.Get("X-Rule"), "yes")
		equal(t, "endpoint", res.Header.Get("X-Endpoint"), r.group.Endpoints()[0].Name)
		l := r.line()
		if strings.Contains(fmt.Sprint(l), "secret") {
			t.Errorf("the query is in the line: %v", l)
		}
		l.Client, l.Duration, l.Host = web.Line{}.Client, 0, ""
		equal(t, "line", l, web.Line{Route: "all", Endpoint: r.group.Endpoints()[0].Name, Method: "POST", Path: "/a%2Fb/..;/'c\"d",
			Proto: "HTTP/1.1", Status: 201, BytesUp: 5, BytesDown: 4, UserAgent: "Go-http-client/1.1"})
	}
	stats := r.server.Stats()
	equal(t, "connections for three requests", stats.Accepted, 1)
	equal(t, "answers 2xx", stats.Requests[2], 3)
	equal(t, "bytes", [2]uint64{stats.BytesUp, stats.BytesDown}, [2]uint64{15, 12})
	equal(t, "connections to the backend", r.group.Endpoints()[0].Stats().Connects, 1)
}

// TestSchemes: the same request by each way to an endpoint.
func TestSchemes(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, " ", r.TLS != nil, " ", r.Host) })
	_, trust := credentials()
	for _, c := range []struct{ scheme, speaks, want string }{
		{"ws", "h1", "HTTP/1.1 false"},
		{"ws+h2c", "h1", "HTTP/1.1 false"},
		{"h2c", "h2c", "HTTP/2.0 false"},
		{"wss", "h1+tls", "HTTP/1.1 true"},
		{"wss+h2", "h1+tls", "HTTP/1.1 true"},
		{"wss+h2", "h2+tls", "HTTP/2.0 true"},
		{"h2", "h2+tls", "HTTP/2.0 true"},
	} {
		t.Run(c.scheme+" to "+c.speaks, func(t *testing.T) {
			s := httptest.NewUnstartedServer(show)
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetHTTP1(strings.HasPrefix(c.speaks, "h1"))
			s.Config.Protocols.SetUnencryptedHTTP2(c.speaks == "h2c")
			s.Config.Protocols.SetHTTP2(c.speaks == "h2+tls")
			s.EnableHTTP2 = c.speaks == "h2+tls"
			if strings.HasSuffix(c.speaks, "tls") {
				s.StartTLS()
			} else {
				s.Start()
			}
			defer s.Close()
			r := newRig(t, setup{
				specs:   []string{specOf(c.scheme, s.URL)},
				backend: func(o *upstream.Options) { o.TLS = trust },
			})
			for range 2 {
				_, body := r.do("GET", "/", "")
				equal(t, "seen by the backend", body, c.want+" "+strings.TrimPrefix(r.url, "http://"))
			}
			equal(t, "connections", r.group.Endpoints()[0].Stats().Connects, 1)
			r.plan.Transports.Close()
		})
	}
}

func TestUnixEndpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host)
	})}}
	s.Start()
	defer s.Close()
	r := newRig(t, setup{specs: []string{"unix://" + path}})
	_, body := r.do("GET", "/", "")
	equal(t, "host", body, strings.TrimPrefix(r.url, "http://"))
	r.plan.Transports.Close()
}

// TestProxyHeader: an endpoint that wants a PROXY header gets one on each connection, and a connection tells of one client.
func TestProxyHeader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heads := make(chan string, 4)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			head, _ := in.ReadString('\n')
			heads <- head
			if _, err := http.ReadRequest(in); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
			}
			_ = conn.Close()
		}
	}()
	r := newRig(t, setup{specs: []string{"ws://" + l.Addr().String() + "#proxy-protocol=v1"}})
	for range 2 {
		res, _ := r.do("GET", "/", "")
		equal(t, "status", res.StatusCode, 204)
		l := r.line()
		equal(t, "header", <-heads, fmt.Sprintf("PROXY TCP4 127.0.0.1 127.0.0.1 %d %s\r\n", l.Client.Port(), r.url[strings.LastIndex(r.url, ":")+1:]))
	}
}

// TestKinds of answers whose end is told in different ways.
func TestKinds(t *testing.T) {
	r := newRig(t, setup{specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(304)
		case "/untyped":
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "<html>")
		case "/head":
			w.Header().Set("Content-Length", "12345")
		case "/early":
			w.Header().Set("Link", "</x>; rel=preload")
			w.Header().Set("Keep-Alive", "timeout=5")
			w.WriteHeader(103)
			w.Header().Del("Link")
			_, _ = io.WriteString(w, "late")
		case "/trailers":
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "sum of "+string(body)+r.Trailer.Get("X-Client")+r.Trailer.Get("X-Forwarded-For"))
			w.Header().Set("X-Sum", "42")
		}
	})}})
	res, _ := r.do("GET", "/204", "")
	equal(t, "204", fmt.Sprint(res.StatusCode, res.ContentLength, res.TransferEncoding), "204 0 []")
	res, _ = r.do("GET", "/304", "")
	equal(t, "304", fmt.Sprint(res.StatusCode, res.Header.Get("ETag")), `304"x"`)
	res, _ = r.do("HEAD", "/head", "")
	equal(t, "HEAD", res.ContentLength, 12345)

	res, _ = r.do("GET", "/untyped", "")
	equal(t, "Content-Type", len(res.Header["Content-Type"]), 0)

	var interim []string
	req, _ := http.NewRequest("GET", r.url+"/early", nil)
	req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		interim = append(interim, fmt.Sprint(code, h.Get("Link"), h.Get("Keep-Alive")))
		return nil
	}}))
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	equal(t, "103", fmt.Sprint(interim, string(body), res.Header.Get("Link")), "[103</x>; rel=preload]late")

	req, _ = http.NewRequest("POST", r.url+"/trailers", io.MultiReader(strings.NewReader("chunks ")))
	req.Trailer = http.Header{"X-Client": nil, "X-Forwarded-For": nil}
	req.Body = io.NopCloser(io.MultiReader(req.Body, readFunc(func() {
		req.Trailer.Set("X-Client", "told")
		req.Trailer.Set("X-Forwarded-For", "6.6.6.6")
	})))
	if res, err = r.client.Do(req); err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(res.Body)
	equal(t, "trailers", fmt.Sprint(string(body), " ", res.Trailer.Get("X-Sum")), "sum of chunks told 42")
}

// readFunc ends at once, doing something on the way.
type readFunc func()

func (f readFunc) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}
