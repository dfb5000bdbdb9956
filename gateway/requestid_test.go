package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/gateway/config"
	"weir/internal/freeport"
	"weir/upstream/accept"
)

// tellsNames is a backend that answers with the request's id and trace, and takes WebSockets.
func tellsNames(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Saw-Id", strings.Join(r.Header.Values("X-Request-Id"), " and "))
	w.Header().Set("Saw-Trace", r.Header.Get("Traceparent"))
	if r.Header.Get("Upgrade") == "" && r.Method != http.MethodConnect {
		w.Header().Set("Content-Length", "0")
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err == nil {
		_, _, _ = c.Read(r.Context())
		_ = c.CloseNow()
	}
}

// TestRequestIDs: whatever way a request comes in and goes on, its backend and the log get one name of it. That is a trusted
// proxy's, or made here. The trace passes as it came. The log has who it is and the user agent as well.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	made, theirs := regexp.MustCompile(`^[0-9a-f]{32}$`), regexp.MustCompile(`^their-1$`)
	for backend, serve := range map[string]func(t *testing.T) string{
		"tunnel": func(t *testing.T) string {
			s := httptest.NewServer(http.HandlerFunc(tellsNames))
			t.Cleanup(s.Close)
			return strings.Replace(s.URL, "http:", "ws:", 1)
		},
		"pool": func(t *testing.T) string {
			l, err := accept.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() { _ = accept.Serve(l, http.HandlerFunc(tellsNames)) }()
			return "h2c://" + l.Addr().String()
		},
	} {
		for trusted, want := range map[string]*regexp.Regexp{"127.0.0.1": theirs, "192.0.2.1": made} {
			t.Run(backend+" from "+trusted, func(t *testing.T) {
				t.Parallel()
				var text logs
				e := startTLSLogging(t, &text, func(cfg *config.Config) {
					takeTokens(t, cfg)
					cfg.TrustedProxies, cfg.AccessLog = []string{trusted}, config.AccessText
				}, serve(t))
				lines := []string{bearer(token(t, "HS256", nil)), "X-Request-Id: their-1", "Traceparent: " + trace, "User-Agent: tester/1"}
				plainly := head(append([]string{"GET /a HTTP/1.1", "Host: weir.test"}, lines...)...)
				in := map[string]func() http.Header{
					"open in clear": func() http.Header {
						p := connect(t, e)
						p.write(handshake("/a", lines...))
						return p.wantStatus(101).fields
					},
					"open over TLS": func() http.Header {
						p := e.secure()
						p.write(handshake("/a", lines...))
						return p.wantStatus(101).fields
					},
				}
				if backend == "tunnel" {
					in["open behind a plain request"] = func() http.Header {
						p := connect(t, e)
						p.write(plainly)
						p.wantStatus(200)
						p.write(handshake("/a", lines...))
						return p.wantStatus(101).fields
					}
					in["http in clear"] = func() http.Header {
						p := connect(t, e)
						p.write(plainly)
						return p.wantStatus(200).fields
					}
					in["http over HTTP/2"] = func() http.Header {
						transport := &http.Transport{TLSClientConfig: e.ca.clientTLS(), ForceAttemptHTTP2: true}
						defer transport.CloseIdleConnections()
						r, _ := http.NewRequest("GET", "https://"+e.secureAddr()+"/a", nil)
						for _, line := range lines {
							name, value, _ := strings.Cut(line, ": ")
							r.Header.Set(name, value)
						}
						a, err := transport.RoundTrip(r)
						if err != nil {
							t.Fatal(err)
						}
						_ = a.Body.Close()
						if a.ProtoMajor != 2 {
							t.Errorf("HTTP/%d", a.ProtoMajor)
						}
						return a.Header
					}
				}
				seen := map[string]bool{}
				for way, ask := range in {
					saw := ask()
					id := saw.Get("Saw-Id")
					if !want.MatchString(id) || saw.Get("Saw-Trace") != trace {
						t.Errorf("%s: the backend saw the id %q and the trace %q", way, id, saw.Get("Saw-Trace"))
					}
					if want == made && seen[id] {
						t.Errorf("%s: %s was another's", way, id)
					}
					seen[id] = true
					event, _, _ := strings.Cut(way, " ")
					wantLine(t, &text, "msg="+event+" .*user=ada request_id="+id+" traceparent="+trace+" user_agent=tester/1$")
				}
				e.Drain()
				wantLine(t, &text, "msg=close .*user=ada")
			})
		}
	}
}

// TestRequestIDOfRefusals: a refusal has the proxy's name of the request, and none where nothing went on.
func TestRequestIDOfRefusals(t *testing.T) {
	t.Parallel()
	var text logs
	g := startLogging(t, &text, func(cfg *config.Config) {
		cfg.TrustedProxies, cfg.AccessLog, cfg.CloseTimeout = []string{"127.0.0.1"}, config.AccessText, 50*time.Millisecond
		cfg.Deny = []string{"192.0.2.0/24"}
	}, "ws://"+freeport.Addr(t))
	wantAnswer(t, g, 403, handshake("/denied", "X-Forwarded-For: 192.0.2.7", "X-Request-Id: their-2", "User-Agent: tester/1"))
	wantLine(t, &text, `msg=refuse .*path=/denied .*request_id=their-2 user_agent=tester/1$`)
	wantAnswer(t, g, 403, handshake("/nameless", "X-Forwarded-For: 192.0.2.7"))
	wantLine(t, &text, `msg=refuse .*path=/nameless route=default$`)
	wantAnswer(t, g, 502, handshake("/dead", "X-Request-Id: "+strings.Repeat("x", 129)))
	wantLine(t, &text, `msg=refuse .*path=/dead .*request_id=[0-9a-f]{32}$`)
}
