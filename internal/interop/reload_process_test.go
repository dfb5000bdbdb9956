package interop

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A running process takes its file again on SIGHUP and POST /reload: sessions stay, newcomers get what is new, and what is
// wrong is told with file and line and changes nothing.
func TestReloadOfProcess(t *testing.T) {
	one, two := startRaw(t, "127.0.0.1:0"), startRaw(t, "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "weir.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("upstream: " + one.url() + "\n")
	p := startBinary(t, 0, "--config", file, "--drain-timeout", "500ms", "--close-timeout", "100ms")
	resident, _ := openRaw(t, p.Front, one)
	defer resident.Close()
	post := func() (status int, body string) {
		answer, err := http.Post("http://"+p.Admin+"/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(b)
	}
	write("upstream: " + one.url() + "\nidle-timeout: never\n")
	if status, body := post(); status != 422 || !strings.Contains(body, "weir.yaml:2: idle-timeout") {
		t.Errorf("%d, %s", status, body)
	}
	write("upstream: " + two.url() + "\nloops: 5\nlog-level: debug\n")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.stderr.await(t, "configuration reloaded")
	if text := p.stderr.String(); !strings.Contains(text, "counts after a restart alone: loops") {
		t.Errorf("the log does not tell what needs a restart:\n%s", text)
	}
	newcomer, _ := openRaw(t, p.Front, two)
	defer newcomer.Close()
	if status, body := post(); status != 200 || !strings.Contains(body, `"generation": 3`) {
		t.Errorf("%d, %s", status, body)
	}
	if text := body(t, "http://"+p.Admin+"/config"); !strings.Contains(text, two.url()) {
		t.Errorf("/config does not show what counts:\n%s", text)
	}
	_ = resident.Close()
	_ = newcomer.Close()
	p.terminate(t)
}
