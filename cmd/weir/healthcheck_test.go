package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHealthcheck asks where the configuration says, whatever else that says, and tells by the exit status.
func TestHealthcheck(t *testing.T) {
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/readyz" || r.Host != "localhost" {
			t.Errorf("asked for %s %s%s", r.Method, r.Host, r.URL.Path)
		}
		w.WriteHeader(status)
		fmt.Fprintln(w, "draining")
	}))
	defer srv.Close()
	addr := strings.TrimPrefix(srv.URL, "http://")
	_, port, _ := strings.Cut(addr, ":")
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte("admin: :"+port+"\nnonsense: 1\nallow-file: /nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ environ, args []string }{
		"flag":         {nil, []string{"--admin", addr}},
		"variable":     {[]string{"WEIR_ADMIN=" + addr}, nil},
		"file":         {nil, []string{"--config", file}},
		"file's place": {[]string{"WEIR_CONFIG=" + file}, nil},
		"flags of run": {[]string{"WEIR_CONFIG=" + file}, []string{"--loops=x", "--upstream=ws://a"}},
	} {
		status = http.StatusOK
		if exit, stdout, stderr := weir(c.environ, append([]string{"healthcheck"}, c.args...)...); exit != exitOK || stdout != "ready\n" || stderr != "" {
			t.Errorf("%s: exit %d, %q, %q", name, exit, stdout, stderr)
		}
		status = http.StatusServiceUnavailable
		if exit, _, stderr := weir(c.environ, append([]string{"healthcheck"}, c.args...)...); exit != exitError || stderr != "weir: healthcheck: refused with 503 Service Unavailable: draining\n" {
			t.Errorf("%s: exit %d, %q", name, exit, stderr)
		}
	}
	for name, c := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"off":      {[]string{"--admin=off"}, exitError, "weir: healthcheck: admin is off, so nobody can be asked\n"},
		"nobody":   {[]string{"--admin", "unix:" + file + ".none"}, exitError, "no such file"},
		"argument": {[]string{"now"}, exitUsage, `unexpected argument "now"`},
		"flag":     {[]string{"--admn=x"}, exitUsage, "did you mean --admin?"},
	} {
		if exit, stdout, stderr := weir(nil, append([]string{"healthcheck"}, c.args...)...); exit != c.exit || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, %q, %q", name, exit, stdout, stderr)
		}
	}
	if exit, stdout, _ := weir(nil, "healthcheck", "--help"); exit != exitOK || stdout != healthUsage {
		t.Errorf("help: exit %d, %q", exit, stdout)
	}
}
