package interop

import (
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"weir/gateway/config"
	"weir/internal/freeport"
)

// compressing has the gateway compress for its clients.
func compressing(cfg *config.Config) {
	cfg.Compression, cfg.ValidateUTF8 = config.CompressionGateway, true
}

// wantPressed checks that both directions were compressed, and well.
func wantPressed(t testing.TB, f *Front) {
	t.Helper()
	for name, sides := range map[string][2]string{
		"weir_inflate_bytes_total": {`"in"`, `"out"`}, "weir_deflate_bytes_total": {`"out"`, `"in"`}} {
		small, large := f.metric(t, name, sides[0]), f.metric(t, name, sides[1])
		if small == 0 || small > 0.9*large { // much of it is noise
			t.Errorf("%s: %v bytes compressed, %v not", name, small, large)
		}
	}
}

// TestPressNode has npm's ws offer compression in each way it can, to a backend on ws that has none.
func TestPressNode(t *testing.T) {
	t.Parallel()
	n := startNode(t, "press.mjs")
	var port int
	n.call(t, &port, "listen", nil)
	f := tuned(t, compressing, fmt.Sprint("ws://127.0.0.1:", port))
	ways := 0
	for _, server := range []any{nil, true, false} {
		for _, client := range []any{nil, true} {
			for _, serverBits := range []any{nil, 9, 10, 11, 12, 13, 14, 15} {
				for _, clientBits := range []any{nil, false, 9, 10, 11, 12, 13, 14, 15} {
					offer := args{"serverNoContextTakeover": server, "clientNoContextTakeover": client,
						"serverMaxWindowBits": serverBits, "clientMaxWindowBits": clientBits}
					maps.DeleteFunc(offer, func(_ string, value any) bool { return value == nil })
					with := args{"url": f.url("/"), "offer": offer}
					if ways++; ways%4 == 0 {
						with["takes"] = []int{40_000 + 373*ways} // bytes, up to 200,000
					}
					var extensions string
					n.call(t, &extensions, "converse", with)
					if extensions != "permessage-deflate" {
						t.Fatalf("%v: agreed on %q", offer, extensions)
					}
				}
			}
		}
	}
	wantPressed(t, f)
}

// TestPressNodeRefuses: with clientNoContextTakeover: false, ws wants to keep its context and takes no answer that has it
// do without, though RFC 7692 section 7.1.1.2 lets a server ask for that.
func TestPressNodeRefuses(t *testing.T) {
	t.Parallel()
	n := startNode(t, "press.mjs")
	var port int
	n.call(t, &port, "listen", nil)
	f := tuned(t, compressing, fmt.Sprint("ws://127.0.0.1:", port))
	var failed string
	n.call(t, &failed, "refused", args{"url": f.url("/"), "offer": args{"clientNoContextTakeover": false}})
	if !strings.Contains(failed, "Invalid Sec-WebSocket-Extensions") {
		t.Errorf("it failed with %q", failed)
	}
}

// TestPressPython does as TestPressNode, with Python's websockets.
func TestPressPython(t *testing.T) {
	t.Parallel()
	n := startNode(t, "press.mjs")
	var port int
	n.call(t, &port, "listen", nil)
	f := tuned(t, compressing, fmt.Sprint("ws://127.0.0.1:", port))
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "python/press.py", f.url("/")).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "324" {
		t.Fatalf("%v, run make deps if something is not installed: %s", err, out)
	}
	wantPressed(t, f)
}

// TestPressPeers has every client compress for backends that do not, in tunnels and in pools.
func TestPressPeers(t *testing.T) {
	for _, client := range implementations {
		for _, to := range []struct {
			backend implementation
			start   func(testing.TB, func(*config.Config), ...string) *Front
		}{{implementations[0], tuned}, {implementations[1], tuned}, {implementations[2], tuned}, {poolable[0], poolsTuned}, {poolable[1], poolsTuned}} {
			t.Run(client.name+" to "+to.backend.name, func(t *testing.T) {
				t.Parallel()
				p := &pair{client: client.peer(t), backend: to.backend.peer(t)}
				url, server := p.backend.Listen(t, command{})
				p.server, p.front = server, to.start(t, compressing, url)
				c, b, answer, _ := p.open(t, command{Deflate: true})
				if !strings.Contains(answer.Extensions, "permessage-deflate") {
					t.Fatalf("agreed on %q", answer.Extensions)
				}
				for _, size := range []int{0, 1, 1000, 100_000, 1_000_000} {
					exchange(t, c, b, command{Kind: "text", Size: size, Compressible: true})
					exchange(t, c, b, command{Kind: "binary", Size: size})
				}
				for _, way := range []struct{ from, to *Conn }{{c, b}, {b, c}} {
					sent := way.from.do(t, command{Do: "send", Kind: "text", Size: 20_000, Compressible: true, Fragments: 10, Pings: true})
					if got, _ := way.to.Expect(t, "message"); got.Size != 20_000 || got.Hash != sent.Hash {
						t.Errorf("a message in fragments arrived as %d others", got.Size)
					}
				}
				wantPressed(t, p.front)
				end(t, c, b, 3000, "compressed")
			})
		}
	}
}

// TestPressBrowser is TestBrowser's conversation with a gateway that compresses, over TLS.
func TestPressBrowser(t *testing.T) {
	backend, cert := startPage(t, "a"), newCertificate(t, "first")
	files, addr := cert.install(t, t.TempDir()), freeport.Addr(t)
	p := startBinary(t, 0, "--tls-listen", addr, "--tls-cert", files.cert, "--tls-key", files.key, "--compression", "gateway", "--max-message-size", "2MiB",
		"--upstream", "ws://"+backend.Listener.Addr().String(), "--drain-timeout", "500ms")
	page := startBrowser(t, cert).open(t, addr, "first")
	s := page.connect(t)
	page.converse(t, s)
	for _, size := range []int{0, 300, 20_000, 200_000} {
		page.evaluate(t, nil, "echoText(%d, JSON.stringify(Array.from({length: %d}, (_, id) => ({id, value: Math.random()}))))", s.Socket, size/30)
	}
	wantPressed(t, p.Front)
}
