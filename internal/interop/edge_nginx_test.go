package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"weir/internal/freeport"
)

// nginxUpgrades is what its users write to let WebSockets through beside connections that are kept.
const nginxUpgrades = `map $http_upgrade $connection_field { default upgrade; "" ""; }
`

// nginxPasses is a server that passes both kinds of requests on.
func nginxPasses(addr, settings, backend string) string {
	return fmt.Sprintf(`server { listen %s; location / {
 proxy_pass http://%s; proxy_http_version 1.1; proxy_set_header Host $http_host;
 proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_field; %s
} }
`, addr, backend, settings)
}

// TestNginxBehind: nginx is the backend of both kinds of requests, and passes WebSockets on to npm's ws.
func TestNginxBehind(t *testing.T) {
	t.Parallel()
	ws := implementations[1].peer(t)
	url, server := ws.Listen(t, command{Deflate: true})
	addr := freeport.Addr(t)
	startNginx(t, addr, nginxUpgrades+fmt.Sprintf(`server { listen %s;
 location /static { default_type text/plain; return 200 "from nginx"; }
 location /told { proxy_pass http://%s; }
 location / { proxy_pass http://%s; proxy_http_version 1.1; proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_field; }
}
`, addr, startWitness(t, "w", nil), strings.TrimPrefix(url, "ws://")))
	p := startBinary(t, 0, "--upstream", "ws://"+addr, "--health-path", "/static")

	c := clientFrom(t, "127.0.0.1", nil)
	for range 5 {
		if status, body := request(t, c, "http://"+p.Addr+"/static"); status != 200 || body != "from nginx" {
			t.Errorf("status %d, %q", status, body)
		}
		if saw := get(t, c, "http://"+p.Addr+"/told?q=1"); saw.Target != "/told?q=1" {
			t.Errorf("the backend behind nginx was asked for %s", saw.Target)
		}
	}
	for _, i := range implementations {
		client, _ := i.peer(t).Dial(t, command{URL: p.url("/chat"), Deflate: true})
		backend, opened := ws.Accept(t, server)
		if opened.Target != "/chat" {
			t.Errorf("%s: the backend behind nginx was asked for %s", i.name, opened.Target)
		}
		sent := client.do(t, command{Do: "send", Kind: "binary", Size: 300_000})
		if got, _ := backend.Expect(t, "message"); got.Hash != sent.Hash {
			t.Errorf("%s: the message has changed on its way", i.name)
		}
		backend.do(t, command{Do: "close", Code: 4711, Reason: "enough"})
		if end, _ := client.Expect(t, "close"); end.Code != 4711 || end.Reason != "enough" {
			t.Errorf("%s: closed with %d %q", i.name, end.Code, end.Reason)
		}
	}
}

// TestNginxInFront: nginx keeps its connections to the gateway. One that has carried plain requests carries an upgrade
// next, and comes back to the loop with it; many times.
func TestNginxInFront(t *testing.T) {
	t.Parallel()
	p := startBinary(t, 0, "--upstream", "ws://"+startWitness(t, "w", nil), "--trusted-proxies", "127.0.0.1", "--loops", "2")
	addr := freeport.Addr(t)
	startNginx(t, addr, nginxUpgrades+fmt.Sprintf("upstream weir { server %s; keepalive 1; }\n", p.Addr)+
		nginxPasses(addr, "proxy_set_header X-Forwarded-For $remote_addr;", "weir"))
	c := clientFrom(t, distant, nil)
	const times, trail = 40, distant + ", 127.0.0.1" // the client, and nginx whom the gateway trusts
	for i := range times {
		for j := range 3 {
			target := fmt.Sprintf("/plain/%d/%d", i, j)
			if saw := get(t, c, "http://"+addr+target); saw.Target != target || saw.Header.Get("X-Forwarded-For") != trail {
				t.Errorf("%s: the backend saw %+v", target, saw)
			}
		}
		if saw := converse(t, c, "ws://"+addr+"/ws"); saw.Header.Get("X-Forwarded-For") != trail {
			t.Errorf("the backend saw %+v", saw)
		}
	}
	if n := p.metric(t, "weir_http_upgrades_total"); n != times {
		t.Errorf("%v connections came back from plain HTTP for a WebSocket, want %d: nginx had one to keep", n, times)
	}
	if n := p.metric(t, "weir_connections_accepted_total"); n > times+10 {
		t.Errorf("%v connections for %d WebSockets: plain requests do not keep theirs", n, times)
	}
}

// TestNginxKeepsMany is the same with sessions that stay open while others come back.
func TestNginxKeepsMany(t *testing.T) {
	t.Parallel()
	p := startBinary(t, 0, "--upstream", "ws://"+startWitness(t, "w", nil), "--loops", "2")
	addr := freeport.Addr(t)
	startNginx(t, addr, nginxUpgrades+fmt.Sprintf("upstream weir { server %s; keepalive 16; }\n", p.Addr)+nginxPasses(addr, "", "weir"))
	c := clientFrom(t, "127.0.0.1", nil)
	var open []*websocket.Conn
	for i := range 60 {
		get(t, c, fmt.Sprintf("http://%s/plain/%d", addr, i))
		ws, _, status := dialWitness(t, c, fmt.Sprintf("ws://%s/ws/%d", addr, i))
		if ws == nil {
			t.Fatalf("WebSocket %d: refused with status %d", i, status)
		}
		open = append(open, ws)
	}
	for i, ws := range open {
		text := fmt.Sprint("still here ", i)
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, back, err := ws.Read(t.Context()); err != nil || string(back) != text {
			t.Errorf("WebSocket %d: %q came back, %v", i, back, err)
		}
		_ = ws.CloseNow()
	}
}

// TestPROXYToNginx: the backend takes the client's address from a PROXY header, which nginx reads before anything else.
func TestPROXYToNginx(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			addr := freeport.Addr(t)
			startNginx(t, addr, nginxUpgrades+nginxPasses(addr+" proxy_protocol",
				"proxy_set_header X-Announced $proxy_protocol_addr; proxy_set_header X-Announced-To $proxy_protocol_server_port;", startWitness(t, "w", nil)))
			p := startBinary(t, 0, "--upstream", "ws://"+addr+"#proxy-protocol="+version)
			_, port, _ := strings.Cut(p.Addr, ":")
			for _, source := range []string{"127.0.0.5", "127.0.0.6", "127.0.0.5"} {
				c := clientFrom(t, source, nil)
				for _, saw := range []told{get(t, c, "http://"+p.Addr+"/"), get(t, c, "http://"+p.Addr+"/"), converse(t, c, p.url("/ws"))} {
					if got := saw.Header.Get("X-Announced"); got != source {
						t.Errorf("nginx was told of %q, want %s", got, source)
					}
					if got := saw.Header.Get("X-Announced-To"); got != port {
						t.Errorf("nginx was told of port %q, want %s", got, port)
					}
				}
			}
		})
	}
}
