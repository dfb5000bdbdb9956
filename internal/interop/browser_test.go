package interop

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"weir/internal/freeport"
)

// TestBrowser has Chromium load a page through the gateway over HTTPS and open WebSockets from it, with certificates
// that change and a backend that ends meanwhile. Only a cookie keeps the page at its backend.
func TestBrowser(t *testing.T) {
	backends := map[string]*pageBackend{"a": startPage(t, "a"), "b": startPage(t, "b")}
	first, second := newCertificate(t, "first"), newCertificate(t, "second")
	files := first.install(t, t.TempDir())
	addr := freeport.Addr(t)
	p := startBinary(t, 0, "--tls-listen", addr, "--tls-cert", files.cert, "--tls-key", files.key, "--tls-reload-interval", "0",
		"--upstream", "ws://"+backends["a"].Listener.Addr().String(), "--upstream", "ws://"+backends["b"].Listener.Addr().String(),
		"--hash-on", "random", "--sticky-cookie", "seat", "--sticky-same-site", "strict", "--drain-timeout", "500ms")
	b := startBrowser(t, first, second)
	page := b.open(t, addr, "first")

	var protocols []string
	page.evaluate(t, &protocols, "protocols()")
	if want := []string{"/ h2", "/page.js h2"}; !slices.Equal(protocols, want) {
		t.Errorf("the page came over %q, want %q", protocols, want)
	}
	page.evaluate(t, nil, "upload(%d)", 1<<20)
	session := page.connect(t)
	page.converse(t, session)
	page.checkSeat(t, session.Backend)

	second.replace(t, files)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	awaitCertificate(t, addr, second)
	page.converse(t, session)
	page.converse(t, page.connect(t))
	later := b.open(t, addr, "second") // over a connection of its own
	last := later.connect(t)
	later.converse(t, last)

	backends[session.Backend].end()
	page.evaluate(t, nil, "ended(%d)", session.Socket)
	moved := page.connect(t)
	if moved.Backend == session.Backend {
		t.Fatalf("backend %s has ended and yet answers", moved.Backend)
	}
	page.checkSeat(t, moved.Backend)

	p.signal(t)
	var end struct {
		Code   int
		Reason string
	}
	page.evaluate(t, &end, "ended(%d)", moved.Socket)
	if end.Code != int(websocket.StatusGoingAway) {
		t.Errorf("at the end of the gateway the page saw code %d %q, want 1001", end.Code, end.Reason)
	}
	if err := await(t, p.ended, "the end of weir"); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, p.stderr)
	}
}

// browser is Chromium, driven by browser.mjs.
type browser struct{ *node }

// startBrowser has it believe in the given certificates.
func startBrowser(t testing.TB, believed ...*certificate) *browser {
	t.Helper()
	b := &browser{startNode(t, "browser.mjs")}
	var pins []string
	for _, c := range believed {
		pins = append(pins, c.pin())
	}
	var version string
	b.call(t, &version, "start", args{"pins": strings.Join(pins, ",")})
	t.Log("Chromium ", version)
	return b
}

// page is one that has been loaded, without cookies or connections of others.
type page struct {
	*browser
	number int
}

// open loads / from addr's port, by a name, which the browser then tells in the handshake (SNI). It checks whose
// certificate was shown.
func (b *browser) open(t testing.TB, addr, certificate string) *page {
	t.Helper()
	return b.openAt(t, "localhost", addr, certificate)
}

// openAt does so by the given name or address of this machine.
func (b *browser) openAt(t testing.TB, host, addr, certificate string) *page {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	var opened struct {
		Page, Status int
		Certificate  string
	}
	b.call(t, &opened, "open", args{"url": "https://" + host + ":" + port + "/"})
	if opened.Status != http.StatusOK || opened.Certificate != certificate {
		t.Fatalf("the page came with status %d and the certificate %q, want 200 and %q", opened.Status, opened.Certificate, certificate)
	}
	return &page{b, opened.Page}
}

// evaluate has the page work out an expression, and awaits it if it is a promise.
func (p *page) evaluate(t testing.TB, result any, expression string, with ...any) {
	t.Helper()
	p.call(t, result, "evaluate", args{"page": p.number, "expression": fmt.Sprintf(expression, with...)})
}

// seat is a WebSocket of the page.
type seat struct {
	Socket              int
	Backend, Extensions string
}

func (p *page) connect(t testing.TB) (s seat) {
	t.Helper()
	p.evaluate(t, &s, "connect()")
	if !strings.Contains(s.Extensions, "permessage-deflate") {
		t.Errorf("the page and its backend agreed on %q, want compression", s.Extensions)
	}
	return s
}

func (p *page) converse(t testing.TB, s seat) {
	t.Helper()
	p.evaluate(t, nil, "echoText(%d, 'grüße '.repeat(10000))", s.Socket)
	p.evaluate(t, nil, "echoBinary(%d, %d)", s.Socket, 1<<20)
	p.evaluate(t, nil, "echoMany(%d, %d)", s.Socket, 2000)
}

// checkSeat: requests and WebSockets alike come to the backend that the cookie names.
func (p *page) checkSeat(t testing.TB, backend string) {
	t.Helper()
	for range 8 {
		var name string
		if p.evaluate(t, &name, "get('/name')"); name != backend {
			t.Errorf("a request came to %s, want %s", name, backend)
		}
		if s := p.connect(t); s.Backend != backend {
			t.Errorf("a WebSocket came to %s, want %s", s.Backend, backend)
		}
	}
}
