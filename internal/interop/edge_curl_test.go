package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// curlWays are how curl comes to the gateway.
var curlWays = []struct {
	name, version string
	secure        bool
	flag          string
}{
	{"HTTP/1.1 in clear", "1.1", false, "--http1.1"},
	{"HTTP/1.1 over TLS", "1.1", true, "--http1.1"},
	{"HTTP/2 over TLS", "2", true, "--http2"},
}

// curled is what curl needs to reach a gateway in one of the ways.
type curled struct {
	*process
	base []string
	url  string
}

// startCurled puts a gateway in front of a handler.
func startCurled(t testing.TB, secure bool, flag string, h http.Handler, args ...string) *curled {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	a := newAuthority(t)
	p, addr := startSecure(t, a.issue(t, time.Hour, "127.0.0.1"), append(args, "--upstream", "ws://"+s.Listener.Addr().String())...)
	c := &curled{p, []string{"--silent", "--show-error", "--max-time", "30", "--cacert", a.file, flag}, "http://" + p.Addr}
	if secure {
		c.url = "https://" + addr
	}
	return c
}

func (c *curled) argv(path string, args ...string) []string {
	return append(append(c.base[:len(c.base):len(c.base)], args...), c.url+path)
}

func (c *curled) curl(t testing.TB, path string, args ...string) string {
	t.Helper()
	out, ok := run(t, "", "curl", c.argv(path, args...)...)
	if !ok {
		t.Fatalf("curl %s: %s", path, out)
	}
	return out
}

func TestCurl(t *testing.T) {
	for _, way := range curlWays {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			c := startCurled(t, way.secure, way.flag, curlBackend())
			for _, step := range []struct {
				what, path string
				args       []string
				want       []string // in what curl says
				not        string
			}{
				{"version", "/small", []string{"-w", " over %{http_version}"}, []string{"0123456789 over " + way.version}, ""},
				{"many on one connection", "/[1-20]", []string{"-o", "/dev/null", "-w", "%{http_code} %{num_connects} "}, []string{"200 1 " + strings.Repeat("200 0 ", 19)}, ""},
				{"HEAD", "/small", []string{"--head"}, []string{" 200", "10\r\n", "\r\n\r\n"}, "0123"},
				{"304", "/small", []string{"-i", "-H", `If-None-Match: "small"`}, []string{" 304", `"small"`}, "0123"},
				{"Range", "/small", []string{"-i", "-r", "2-5"}, []string{" 206", "bytes 2-5/10", "2345"}, "012345"},
				{"Range beyond the end", "/small", []string{"-i", "-r", "20-"}, []string{" 416"}, "0123"},
				{"chunked both ways", "/sum", []string{"-H", "Transfer-Encoding: chunked", "-d", "abc"}, []string{digest([]byte("abc")) + " unknown length"}, ""},
				{"length", "/sum", []string{"-d", "abc"}, []string{digest([]byte("abc")) + " length 3"}, ""},
				{"no body", "/sum", []string{"-X", "POST"}, []string{digest(nil) + " length 0"}, ""},
				{"100-continue", "/sum", []string{"-v", "-H", "Expect: 100-continue", "--expect100-timeout", "20", "-d", "abc"}, []string{" 100", digest([]byte("abc"))}, ""},
				{"100-continue, refused", "/refused", []string{"-v", "-H", "Expect: 100-continue", "--expect100-timeout", "20", "-d", "abc"}, []string{" 403", "no entry"}, "< HTTP/1.1 100"},
				{"trailers", "/trailers", []string{"-i"}, []string{"well", "x-checked: yes"}, ""},
				{"empty answer", "/none", []string{"-i"}, []string{" 204"}, ""},
				{"redirect is the backend's", "/moved", []string{"-i"}, []string{" 302", "/elsewhere"}, ""},
				{"compressed", "/packed", []string{"--compressed"}, []string{"unpacked"}, ""},
			} {
				out := c.curl(t, step.path, step.args...)
				for _, want := range step.want {
					if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
						t.Errorf("%s: no %q in\n%s", step.what, want, out)
					}
				}
				if step.not != "" && strings.Contains(out, step.not) {
					t.Errorf("%s: %q in\n%s", step.what, step.not, out)
				}
			}
		})
	}
}

// curlBackend has an answer of each kind.
func curlBackend() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{number}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/small", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"small"`)
		http.ServeContent(w, r, "small.txt", time.Time{}, strings.NewReader("0123456789"))
	})
	mux.HandleFunc("/sum", sum)
	mux.HandleFunc("/refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no entry", http.StatusForbidden) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("/moved", http.RedirectHandler("/elsewhere", http.StatusFound))
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Checked")
		_, _ = io.WriteString(w, "well")
		w.Header().Set("X-Checked", "yes")
	})
	mux.HandleFunc("/packed", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			http.Error(w, "the client's Accept-Encoding got lost", http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(gzipped("unpacked"))
	})
	return mux
}

// sum answers with the hash of the body, and how that came.
func sum(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	_, err := io.Copy(h, r.Body)
	how := fmt.Sprint("length ", r.ContentLength)
	if r.ContentLength < 0 {
		how = "unknown length"
	}
	fmt.Fprintln(w, hex.EncodeToString(h.Sum(nil)), how, err)
}
