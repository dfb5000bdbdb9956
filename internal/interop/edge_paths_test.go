package interop

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestRefusedPaths: what two servers could read in two ways is refused before a route is looked for, in both kinds.
func TestRefusedPaths(t *testing.T) {
	r := startRecorder(t)
	file := writeFile(t, t.TempDir(), "weir.yaml", fmt.Sprintf("routes:\n  - {match: {path-prefix: /open}, upstream: \"ws://%s\"}\n", r.ln.Addr()))
	p := startBinary(t, 0, "--config", file, "--health-interval", "0", "--close-timeout", "100ms", "--drain-timeout", "1s")
	for _, path := range []string{"/open/../admin", "/open/%2e%2e/admin", "/open/..;/admin", "/open%2fadmin", "/open/%5c../admin", "/open/%00", "/open/%zz", "/open/."} {
		for _, fields := range []string{"Connection: close\r\n", upgrade} {
			for _, before := range []string{"", "GET /open HTTP/1.1\r\nHost: x\r\n\r\n"} {
				conn := dialFrom(t, "127.0.0.1", p.Addr)
				if _, err := fmt.Fprintf(conn, "%sGET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", before, path, fields); err != nil {
					t.Fatal(err)
				}
				if got := statuses(string(rest(t, conn))); strings.TrimPrefix(got, "200 ") != "400" {
					t.Errorf("%s behind %q: answered with %s, want 400", path, before, got)
				}
			}
		}
	}
	p.terminate(t)
	for _, seen := range r.all() {
		if seen.target != "/open" {
			t.Errorf("the backend saw %q", seen.raw)
		}
	}
}

// TestOddPaths: bytes that libraries escape on their way are seen by routes and by the backend as they came, whichever
// kind of request they came in.
func TestOddPaths(t *testing.T) {
	r := startRecorder(t)
	file := writeFile(t, t.TempDir(), "weir.yaml", fmt.Sprintf("routes:\n  - {match: {path-regexp: '/odd/[^%%]*'}, upstream: \"ws://%s\"}\n", r.ln.Addr()))
	p := startBinary(t, 0, "--config", file, "--health-interval", "0", "--close-timeout", "100ms", "--drain-timeout", "1s")
	paths := []string{"/odd/a|b", `/odd/"`, "/odd/{}", "/odd/a^b`", "/odd/[a]", "/odd//b", "/odd/;b", "/odd/!*'()", "/odd/<b>", "/odd/%41", "/odd/é"}
	want := map[string]int{}
	for _, path := range paths {
		ask := func(fields string) int {
			conn := dialFrom(t, "127.0.0.1", p.Addr)
			if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, fields); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			return answer.StatusCode
		}
		want[path] = ask("Connection: close\r\n")
		if got := ask(upgrade); got != want[path] && (got != 101 || want[path] != 200) {
			t.Errorf("%s: a WebSocket is answered with %d, a plain request with %d", path, got, want[path])
		}
	}
	p.terminate(t)
	for _, seen := range r.all() {
		if want[seen.target] != 200 {
			t.Errorf("the backend saw %q, which was answered with %d", seen.raw, want[seen.target])
		}
	}
}
