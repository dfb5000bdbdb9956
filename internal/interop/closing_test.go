package interop

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/gateway/config"
)

// leavers are client libraries that tell how their WebSockets ended. Some take an end of TCP before the close handshake is over
// for a broken connection.
var leavers = []struct {
	name  string
	start func(t testing.TB) *node
}{
	{"undici", func(t testing.TB) *node {
		return startCalled(t, "Node's WebSocket", "node", "--experimental-websocket", "node/closes.mjs", "builtin")
	}},
	{"npm websocket", func(t testing.TB) *node { return startNode(t, "closes.mjs", "websocket") }},
	{"npm ws", func(t testing.TB) *node { return startNode(t, "closes.mjs", "ws") }},
	{"aiohttp", func(t testing.TB) *node { return startCalled(t, "aiohttp", "/usr/bin/python3", "python/closes.py") }},
	{"Firefox", func(t testing.TB) *node { return startNode(t, "firefox.mjs", t.TempDir()) }},
}

// goodbyes are the closes that the gateway begins, or goes on with by itself.
var goodbyes = []struct {
	name   string
	code   int
	reason string
	size   int // of the text that the client sends
	change func(t testing.TB, c *config.Config)
	begin  func(t testing.TB, f *Front, b *rawBackend)
}{
	{name: "admin", code: 4003, reason: "closed_by_admin", begin: func(t testing.TB, f *Front, b *rawBackend) {
		go echoFrames(b.next(t))
		tell(t, f, "/sessions/close?ip=127.0.0.1&code=4003")
	}},
	{name: "drain", code: 1001, reason: "drain", change: func(_ testing.TB, c *config.Config) { c.DrainTimeout = 3 * time.Second },
		begin: func(t testing.TB, f *Front, b *rawBackend) { go echoFrames(b.next(t)); tell(t, f, "/drain") }},
	{name: "idle", code: 1001, reason: "idle_timeout", change: func(_ testing.TB, c *config.Config) { c.IdleTimeout = 200 * time.Millisecond },
		begin: func(t testing.TB, _ *Front, b *rawBackend) { go echoFrames(b.next(t)) }},
	{name: "too large", code: 1009, reason: "message_too_large", size: 100_000, change: func(_ testing.TB, c *config.Config) { c.MaxMessageSize = 1000 },
		begin: func(t testing.TB, _ *Front, b *rawBackend) { go echoFrames(b.next(t)) }},
	{name: "text", code: 1003, reason: "message_type", size: 10, change: func(_ testing.TB, c *config.Config) { c.Messages = config.MessagesBinary },
		begin: func(t testing.TB, _ *Front, b *rawBackend) { go echoFrames(b.next(t)) }},
	{name: "backend ends", code: 1011, reason: "backend_gone", begin: func(t testing.TB, _ *Front, b *rawBackend) { fin(b.next(t)) }},
	{name: "backend is reset", code: 1011, reason: "backend_lost", begin: func(t testing.TB, _ *Front, b *rawBackend) { reset(b.next(t)) }},
	{name: "backend closes and ends", code: 4000, reason: "bye", begin: func(t testing.TB, _ *Front, b *rawBackend) {
		c := b.next(t)
		_, _ = c.Write([]byte("\x88\x05\x0f\xa0bye"))
		fin(c)
	}},
	{name: "backend breaks a rule", code: 1002, reason: "unknown_opcode", begin: func(t testing.TB, _ *Front, b *rawBackend) {
		_, _ = b.next(t).Write([]byte("\x83\x00"))
	}},
	{name: "credential", code: 4001, reason: "auth_missing", change: func(t testing.TB, c *config.Config) {
		c.APIKeys, c.AuthRefusal = filepath.Join(t.TempDir(), "keys"), config.RefuseClose
		if err := os.WriteFile(c.APIKeys, []byte("ada:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}},
}

func tell(t testing.TB, f *Front, path string) {
	t.Helper()
	answer, err := http.Post("http://"+f.Admin+path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}

// TestGoodbyes: every client is told what the gateway says, in clear and over TLS.
func TestGoodbyes(t *testing.T) {
	files := newCertificate(t, "site").install(t, t.TempDir())
	for _, l := range leavers {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			client := l.start(t)
			var version *string
			for range 12 { // until it has started
				if client.call(t, &version, "version", nil); version != nil {
					break
				}
			}
			t.Log(l.name, " ", *version)
			for _, g := range goodbyes {
				for _, scheme := range []string{"ws://", "wss://"} {
					t.Run(g.name+" "+scheme, func(t *testing.T) {
						b := startRaw(t, "127.0.0.1:0")
						f := tuned(t, func(c *config.Config) {
							c.CloseTimeout = patience
							if scheme == "wss://" {
								c.TLSListen, c.Listen, c.TLSCert, c.TLSKey = c.Listen, nil, []string{files.cert}, []string{files.key}
							}
							if g.change != nil {
								g.change(t, c)
							}
						}, b.url())
						var socket int
						client.call(t, &socket, "dial", args{"url": scheme + f.Addr + "/", "size": g.size})
						if g.begin != nil {
							g.begin(t, f, b)
						}
						var end struct {
							Opened, Clean bool
							Code          int
							Reason        string
						}
						client.call(t, &end, "ended", args{"socket": socket})
						if !end.Opened || !end.Clean || end.Code != g.code || end.Reason != g.reason {
							t.Errorf("%+v, want a clean end with %d %q", end, g.code, g.reason)
						}
					})
				}
			}
		})
	}
}
