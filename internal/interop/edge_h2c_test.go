package interop

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCurlPriorKnowledge: HTTP/2 in clear is not spoken, and who tries is told in a way that can be understood.
func TestCurlPriorKnowledge(t *testing.T) {
	c := startCurled(t, false, "--http2-prior-knowledge", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the backend got %s %s", r.Method, r.RequestURI)
	}))
	if out, ok := run(t, "", "curl", c.argv("/")...); ok {
		t.Errorf("it was served: %s", out)
	}
	conn := dialTCP(t, c.Addr)
	defer conn.Close()
	_, _ = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	if got := string(rest(t, conn)); !strings.HasPrefix(got, "HTTP/1.1 505 ") && !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("the preface was answered with %q", got)
	}
}

// TestCurlOffersH2C: an offer to change to HTTP/2 is not taken up and not passed on; the request is served as it is.
func TestCurlOffersH2C(t *testing.T) {
	seen := make(chan http.Header, 1)
	c := startCurled(t, false, "--http2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		_, _ = io.WriteString(w, "plainly")
	}))
	if out := c.curl(t, "/", "-w", " over %{http_version}"); out != "plainly over 1.1" {
		t.Errorf("curl says %q", out)
	}
	h := await(t, seen, "the request")
	for _, name := range []string{"Upgrade", "Http2-Settings", "Connection"} {
		if h[name] != nil {
			t.Errorf("the backend was told %s: %q", name, h[name])
		}
	}
}

// TestCurlUnix: a unix socket is listened on, with the mode that was asked for.
func TestCurlUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.sock")
	backend, err := net.Listen("unix", filepath.Join(t.TempDir(), "backend.sock"))
	if err != nil {
		t.Fatal(err)
	}
	p := startBinary(t, 0, "--listen", "unix:"+path, "--unix-mode", "0600", "--trusted-proxies", "unix",
		"--upstream", "unix://"+startWitness(t, "w", backend))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	out, ok := run(t, "", "curl", "--silent", "--show-error", "--unix-socket", path, "-H", "X-Forwarded-For: "+distant, "http://app.example/a?b")
	if !ok || !strings.Contains(out, `"Target":"/a?b"`) || !strings.Contains(out, `"X-Forwarded-For":["`+distant+`"]`) {
		t.Errorf("curl says %s", out)
	}
	p.terminate(t)
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket's file outlives the gateway")
	}
}
