package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// secureNode is a backend on Node that speaks TLS.
func secureNode(t testing.TB, files certificateFiles, with args) (addr string) {
	t.Helper()
	all := args{"cert": files.cert, "key": files.key}
	for name, value := range with {
		all[name] = value
	}
	var port int
	startNode(t, "secure.mjs").call(t, &port, "listen", all)
	return fmt.Sprintf("127.0.0.1:%d", port)
}

var (
	onlyHTTP1 = []string{"http/1.1"}
	onlyHTTP2 = []string{"h2"}
	either    = []string{"h2", "http/1.1"}
)

// TestSecureBackends: both kinds of requests reach backends over TLS, whose certificates are checked.
func TestSecureBackends(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	good, foreign := a.issue(t, time.Hour, "127.0.0.1"), stranger.issue(t, time.Hour, "127.0.0.1")
	named, expired := a.issue(t, time.Hour, "inner.example"), a.issue(t, -time.Hour, "127.0.0.1")
	client := a.issue(t, time.Hour, "gateway")
	trust := []string{"--upstream-ca", a.file}
	for _, c := range []struct {
		what, scheme string
		files        certificateFiles
		with         args
		flags        []string
		ws           string // the protocol that WebSockets come over; empty: not at all, with 502
		why          string // then the endpoint's state holds this
	}{
		{"https", "wss", good, args{"protocols": onlyHTTP1}, trust, "HTTP/1.1", ""},
		{"https by its other name", "https", good, args{"protocols": onlyHTTP1}, trust, "HTTP/1.1", ""},
		{"http2", "h2", good, args{"protocols": onlyHTTP2}, trust, "HTTP/2.0", ""},
		{"http2 is offered", "wss+h2", good, args{"protocols": either}, trust, "HTTP/2.0", ""},
		{"http2 is not offered", "wss+h2", good, args{"protocols": onlyHTTP1}, trust, "HTTP/1.1", ""},
		{"http2 is needed and missing", "h2", good, args{"protocols": onlyHTTP1}, trust, "", "no application protocol"},
		{"TLS 1.2", "wss", good, args{"protocols": onlyHTTP1, "options": args{"maxVersion": "TLSv1.2"}}, trust, "HTTP/1.1", ""},
		{"unknown authority", "wss", foreign, args{"protocols": onlyHTTP1}, trust, "", "unknown authority"},
		{"unknown authority, http2", "h2", foreign, args{"protocols": onlyHTTP2}, trust, "", "unknown authority"},
		{"the system's authorities", "wss", good, args{"protocols": onlyHTTP1}, nil, "", "unknown authority"},
		{"another name", "wss", named, args{"protocols": onlyHTTP1}, trust, "", "not valid for 127.0.0.1"},
		{"that name is expected", "wss", named, args{"protocols": onlyHTTP1}, append([]string{"--upstream-server-name", "inner.example"}, trust...), "HTTP/1.1", ""},
		{"expired", "wss", expired, args{"protocols": onlyHTTP1}, trust, "", "expired"},
		{"not verified", "wss", foreign, args{"protocols": onlyHTTP1}, []string{"--upstream-skip-verify"}, "HTTP/1.1", ""},
		{"not verified, http2", "h2", foreign, args{"protocols": onlyHTTP2}, []string{"--upstream-skip-verify"}, "HTTP/2.0", ""},
		{"client certificate", "wss", good, args{"protocols": onlyHTTP1, "ca": a.file}, append([]string{"--upstream-cert", client.cert, "--upstream-key", client.key}, trust...), "HTTP/1.1", ""},
		{"client certificate, http2", "h2", good, args{"protocols": onlyHTTP2, "ca": a.file}, append([]string{"--upstream-cert", client.cert, "--upstream-key", client.key}, trust...), "HTTP/2.0", ""},
		{"client certificate missing", "wss", good, args{"protocols": onlyHTTP1, "ca": a.file}, trust, "", "certificate required"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			p := startBinary(t, 0, append(c.flags, "--upstream", c.scheme+"://"+secureNode(t, c.files, c.with),
				"--health-interval", "0", "--health-fall", "1", "--pool-min", "0")...)
			plain := clientFrom(t, "127.0.0.1", nil)
			if c.ws == "" {
				checkUnreachable(t, p, c.why)
				return
			}
			for range 3 {
				if saw := converse(t, plain, p.url("/chat?q")); saw.Witness != c.ws || saw.Target != "/chat?q" {
					t.Errorf("the WebSocket came as %+v, want over %s", saw, c.ws)
				}
				if saw := get(t, plain, "http://"+p.Addr+"/page?q"); saw.Target != "/page?q" || saw.Method != "GET" || saw.Host != p.Addr {
					t.Errorf("the request came as %+v", saw)
				}
			}
		})
	}
}

// checkUnreachable: both kinds of requests get 502, and who looks at the endpoint finds why.
func checkUnreachable(t testing.TB, p *process, why string) {
	t.Helper()
	c := clientFrom(t, "127.0.0.1", nil)
	if ws, _, status := dialWitness(t, c, p.url("/")); ws != nil || status != 502 {
		t.Errorf("the WebSocket was answered with status %d", status)
	}
	if _, status := request(t, c, "http://"+p.Admin+"/endpoints"); !strings.Contains(status, why) {
		t.Errorf("the endpoint's state does not tell of %q:\n%s", why, status)
	}
	if status, body := request(t, c, "http://"+p.Addr+"/"); status != 502 {
		t.Errorf("the request was answered with status %d, %q", status, body)
	}
}
