package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
	"weir/upstream/accept"
)

// named is a backend that tells its name in every answer, be it to a WebSocket, which it closes at once, or to a plain
// request.
func named(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Name", name)
		if r.Header.Get("Upgrade") == "" {
			return
		}
		if c, err := websocket.Accept(w, r, nil); err == nil {
			_ = c.Close(websocket.StatusNormalClosure, "")
		}
	}
}

// TestUsersStay at one of three backends, whichever way they ask, from wherever and for whatever.
func TestUsersStay(t *testing.T) {
	t.Parallel()
	for kind, serve := range map[string]func(http.Handler) string{
		"tunnel": func(h http.Handler) string {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return strings.Replace(s.URL, "http:", "ws:", 1)
		},
		"pool": func(h http.Handler) string {
			l, err := accept.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() { _ = accept.Serve(l, h) }()
			return "h2c://" + l.Addr().String()
		},
	} {
		t.Run(kind, func(t *testing.T) {
			var urls []string
			for _, name := range []string{"a", "b", "c"} {
				urls = append(urls, serve(named(name)))
			}
			e := startTLS(t, func(cfg *config.Config) {
				takeTokens(t, cfg)
				cfg.HashOn, cfg.BalanceFactor, cfg.Loops = config.HashOn{By: config.HashClaim, Name: "sub"}, 0, 2
				cfg.TrustedProxies = []string{"127.0.0.1"}
				cfg.CloseTimeout, cfg.DrainTimeout = 200*time.Millisecond, 200*time.Millisecond
			}, urls...)
			ways := e.ways()
			users := map[string]int{}
			for i := range 48 {
				user, seat := fmt.Sprint("user ", i), ""
				for j, way := range append(ways, ways...) {
					tok := token(t, "HS256", jwt.MapClaims{"sub": user, "jti": fmt.Sprint(j)})
					got := way.ask(fmt.Sprintf("/%d?q=%d", j, j), bearer(tok), fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", j))
					if seat == "" {
						seat = got
						users[seat]++
					}
					if got != seat || got == "" {
						t.Errorf("%s is at %q over %s, and was at %q", user, got, way.name, seat)
					}
				}
			}
			if len(users) != 3 {
				t.Errorf("the users are not spread over three backends: %v", users)
			}
		})
	}
}

// way is one in which clients ask, and hear which backend answers.
type way struct {
	name string
	ask  func(target string, lines ...string) (backend string)
}

// ways are WebSockets and plain requests, in clear and over TLS.
func (e *rig) ways() []way {
	e.t.Helper()
	socket := func(p *peer) func(string, ...string) string {
		return func(target string, lines ...string) string {
			e.t.Helper()
			defer p.conn.Close()
			p.write(handshake(target, lines...))
			return p.wantStatus(101).fields.Get("X-Name")
		}
	}
	transport := &http.Transport{TLSClientConfig: e.ca.clientTLS(), ForceAttemptHTTP2: true}
	e.t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: patience}
	plain := func(url string, version int) func(string, ...string) string {
		return func(target string, lines ...string) string {
			e.t.Helper()
			r, err := http.NewRequest(http.MethodGet, url+target, nil)
			if err != nil {
				e.t.Fatal(err)
			}
			for _, line := range lines {
				name, value, _ := strings.Cut(line, ": ")
				r.Header.Set(name, value)
			}
			answer, err := client.Do(r)
			if err != nil {
				e.t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusOK || answer.ProtoMajor != version {
				e.t.Errorf("%s: %s over %s", url, answer.Status, answer.Proto)
			}
			return answer.Header.Get("X-Name")
		}
	}
	return []way{
		{"WebSocket", func(target string, lines ...string) string {
			return socket(connect(e.t, e))(target, lines...)
		}},
		{"WebSocket with TLS", func(target string, lines ...string) string {
			return socket(e.secure())(target, lines...)
		}},
		{"HTTP/1.1", plain("http://"+e.Addrs()[0].String(), 1)},
		{"HTTP/2", plain("https://"+e.secureAddr(), 2)},
	}
}
