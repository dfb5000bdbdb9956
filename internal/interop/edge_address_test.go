package interop

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/freeport"
)

// TestIPv6: listeners, endpoints and client addresses, in clear and with TLS, and in PROXY headers.
func TestIPv6(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	files := a.issue(t, time.Hour, "::1")
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	listen, secure := freeport.Addr6(t), freeport.Addr6(t)
	p := startBinary(t, 0, "--listen", listen, "--tls-listen", secure, "--tls-cert", files.cert, "--tls-key", files.key,
		"--upstream", "ws://"+startWitness(t, "w", ln), "--forwarded-standard")
	for _, front := range []struct{ scheme, addr, client, forwarded string }{
		{"http", listen, "::1", "for=\"[::1]\""}, {"https", secure, "::1", "for=\"[::1]\""}, {"http", p.Addr, "127.0.0.1", "for=127.0.0.1"},
	} {
		c := clientFrom(t, front.client, a)
		ws := strings.Replace(front.scheme, "http", "ws", 1)
		for _, saw := range []told{get(t, c, front.scheme+"://"+front.addr+"/"), converse(t, c, ws+"://"+front.addr+"/")} {
			if got := saw.Header.Get("X-Forwarded-For"); got != front.client || saw.Host != front.addr {
				t.Errorf("%s: the backend saw client %q and host %q", front.addr, got, saw.Host)
			}
			if got := saw.Header.Get("Forwarded"); !strings.HasPrefix(got, front.forwarded) {
				t.Errorf("%s: the backend was told Forwarded: %q, want %s", front.addr, got, front.forwarded)
			}
		}
	}
	for _, i := range implementations {
		client, _ := i.peer(t).Dial(t, command{URL: "ws://" + listen + "/"})
		if got, _ := client.Expect(t, "message"); got.Size == 0 {
			t.Errorf("%s: nothing came over IPv6", i.name)
		}
		client.do(t, command{Do: "close", Code: 1000})
	}
}

// TestPROXYIPv6: the addresses of either family in a header of either version, over a listener of either family.
func TestPROXYIPv6(t *testing.T) {
	t.Parallel()
	listen := freeport.Addr6(t)
	p := startBinary(t, 0, "--listen", listen, "--upstream", "ws://"+startWitness(t, "w", nil), "--proxy-protocol", "--trusted-proxies", "::1,127.0.0.0/8")
	for front, source := range map[string]string{listen: "[::1]", p.Addr: "127.0.0.1"} {
		for _, version := range []string{"send-proxy", "send-proxy-v2"} {
			addr := startHAProxyTCP(t, freeport.Addr6(t), front, version+" source "+source)
			c := clientFrom(t, "::1", nil)
			for _, saw := range []told{get(t, c, "http://"+addr+"/"), converse(t, c, "ws://"+addr+"/")} {
				if got := saw.Header.Get("X-Forwarded-For"); got != "::1" {
					t.Errorf("%s to %s: the backend saw client %q", version, front, got)
				}
			}
		}
	}
}

// TestUnixSockets: npm's ws and Go's net/http come over one, and another leads to the backend.
func TestUnixSockets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "weir.sock")
	backend := filepath.Join(t.TempDir(), "app.sock")
	ln, err := net.Listen("unix", backend)
	if err != nil {
		t.Fatal(err)
	}
	startWitness(t, "w", ln)
	p := startBinary(t, 0, "--listen", "unix:"+path, "--trusted-proxies", "unix", "--upstream", "unix://"+backend, "--loops", "2")
	over := clientOver(t, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}})
	for range 5 {
		for _, saw := range []told{
			get(t, over, "http://app.example/a", "X-Forwarded-For: "+distant),
			converse(t, over, "ws://app.example/a", "X-Forwarded-For: "+distant),
		} {
			if got := saw.Header.Get("X-Forwarded-For"); got != distant || saw.Target != "/a" {
				t.Errorf("the backend saw client %q and target %q", got, saw.Target)
			}
		}
		if saw := get(t, clientFrom(t, "127.0.0.6", nil), "http://"+p.Addr+"/", "X-Forwarded-For: "+distant); saw.Header.Get("X-Forwarded-For") != "127.0.0.6" {
			t.Errorf("a client over TCP lied about its address, and the backend saw %q", saw.Header.Get("X-Forwarded-For"))
		}
	}
	client, _ := implementations[1].peer(t).Dial(t, command{URL: "ws+unix:" + path + ":/from/ws"})
	if got, _ := client.Expect(t, "message"); got.Size == 0 {
		t.Error("npm's ws: nothing came over the unix socket")
	}
	client.do(t, command{Do: "close", Code: 1000})
	client.Expect(t, "close")
}

// TestUnixPROXY: HAProxy and the gateway meet at a unix socket, with TLS inside and the client in a PROXY header.
func TestUnixPROXY(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	path := filepath.Join(t.TempDir(), "weir.sock")
	files := a.issue(t, time.Hour, "127.0.0.1")
	startBinary(t, 0, "--tls-listen", "unix:"+path, "--tls-cert", files.cert, "--tls-key", files.key, "--proxy-protocol",
		"--trusted-proxies", "unix", "--upstream", "ws://"+startWitness(t, "w", nil))
	addr := startHAProxyTCP(t, freeport.Addr(t), "unix@"+path, "send-proxy-v2")
	c := clientFrom(t, distant, a)
	checkDistant(t, "https", get(t, c, "https://"+addr+"/"))
	checkDistant(t, "https", converse(t, c, "wss://"+addr+"/"))
}
