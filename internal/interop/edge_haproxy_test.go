package interop

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"weir/internal/freeport"
)

// A client as backends are to see it: neither the proxy in front nor the gateway has this address.
const distant = "127.0.0.5"

// TestHAProxyInFront: the client's address comes through HAProxy in a PROXY header, for both kinds of requests, in clear
// and with TLS that HAProxy does not end.
func TestHAProxyInFront(t *testing.T) {
	a := newAuthority(t)
	p, secure := startSecure(t, a.issue(t, time.Hour, "127.0.0.1"), "--upstream", "ws://"+startWitness(t, "w", nil),
		"--proxy-protocol", "--trusted-proxies", "127.0.0.1")
	for _, version := range []string{"send-proxy", "send-proxy-v2"} {
		t.Run(version, func(t *testing.T) {
			clear, tunnel := startHAProxyTCP(t, freeport.Addr(t), p.Addr, version+" source "+trustedPeer), startHAProxyTCP(t, freeport.Addr(t), secure, version+" source "+trustedPeer)
			c := clientFrom(t, distant, a)
			for _, front := range []struct{ url, proto string }{{clear, "http"}, {tunnel, "https"}} {
				for range 3 { // later requests come on the same connection
					checkDistant(t, front.proto, get(t, c, front.proto+"://"+front.url+"/"))
				}
				ws := strings.Replace(front.proto, "http", "ws", 1)
				for range 3 { // of which the first connection has carried plain requests
					checkDistant(t, front.proto, converse(t, c, ws+"://"+front.url+"/"))
				}
			}
		})
	}
}

func checkDistant(t testing.TB, proto string, saw told) {
	t.Helper()
	for name, want := range map[string]string{"X-Forwarded-For": distant, "X-Real-Ip": distant, "X-Forwarded-Proto": proto} {
		if got := strings.Join(saw.Header.Values(name), "; "); got != want {
			t.Errorf("%s %s: the backend saw %s %q, want %q", saw.Method, saw.Header.Get("Upgrade"), name, got, want)
		}
	}
}

// startHAProxyTCP passes bytes on from addr, as the server's settings say.
func startHAProxyTCP(t testing.TB, addr, to, settings string) string {
	t.Helper()
	conf := fmt.Sprintf("defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n"+
		"listen edge\n bind %s\n server weir %s %s\n", addr, to, settings)
	startProcess(t, addr, nil, "haproxy", "-db", "-f", writeFile(t, t.TempDir(), "haproxy.cfg", conf))
	return addr
}

const (
	proxyV1     = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"
	proxyV2     = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\x12\x67\x00\x50"
	proxyLocal  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	askPlain    = "GET / HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n"
	askWS       = "GET /ws HTTP/1.1\r\nHost: weir\r\n" + upgrade + "\r\n"
	notTrusted  = "127.0.0.9"
	trustedPeer = "127.0.0.1"
)

// TestPROXYHeader: who may send one must, and nobody else may.
func TestPROXYHeader(t *testing.T) {
	p := startBinary(t, 0, "--upstream", "ws://"+startWitness(t, "w", nil), "--proxy-protocol", "--trusted-proxies", trustedPeer,
		"--handshake-timeout", "1s")
	for _, c := range []struct {
		what, source, sent string
		answer             string // how it begins; empty: closed without one
		client             string // as the backend saw it
	}{
		{"trusted, version 1", trustedPeer, proxyV1 + askPlain, "HTTP/1.1 200 ", "192.0.2.7"},
		{"trusted, version 2", trustedPeer, proxyV2 + askPlain, "HTTP/1.1 200 ", "192.0.2.7"},
		{"trusted, LOCAL", trustedPeer, proxyLocal + askPlain, "HTTP/1.1 200 ", trustedPeer},
		{"trusted, unknown", trustedPeer, "PROXY UNKNOWN\r\n" + askPlain, "HTTP/1.1 200 ", trustedPeer},
		{"trusted without one", trustedPeer, askPlain, "", ""},
		{"trusted without one, WebSocket", trustedPeer, askWS, "", ""},
		{"trusted, malformed", trustedPeer, "PROXY TCP4 192.0.2.777 192.0.2.1 4711 80\r\n" + askPlain, "", ""},
		{"trusted, a second one", trustedPeer, proxyV1 + proxyV1 + askPlain, "HTTP/1.1 400 ", ""},
		{"trusted, silent", trustedPeer, "", "", ""},
		{"trusted, half of one", trustedPeer, proxyV2[:20], "", ""},
		{"not trusted, none", notTrusted, askPlain, "HTTP/1.1 200 ", notTrusted},
		{"not trusted, version 1", notTrusted, proxyV1 + askPlain, "HTTP/1.1 400 ", ""},
		{"not trusted, version 2", notTrusted, proxyV2 + askPlain, "HTTP/1.1 400 ", ""},
		{"not trusted, version 2, WebSocket", notTrusted, proxyV2 + askWS, "HTTP/1.1 400 ", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			conn := dialFrom(t, c.source, p.Addr)
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			got := string(rest(t, conn))
			if !strings.HasPrefix(got, c.answer) || c.answer == "" && got != "" {
				t.Errorf("answered %q, want %q", got, c.answer)
			}
			if want := fmt.Sprintf(`"X-Forwarded-For":[%q]`, c.client); c.client != "" && !strings.Contains(got, want) {
				t.Errorf("no %s in %q", want, got)
			}
		})
	}
}

func dialFrom(t testing.TB, source, addr string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}).Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}
