package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/internal/freeport"
)

// TestLogReaderDies: whoever reads the log may go away. The gateway serves on, and its clients get the drain's close.
func TestLogReaderDies(t *testing.T) {
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Front: &Front{Addr: freeport.Addr(t), Admin: freeport.Addr(t)}, ended: make(chan error, 1), stderr: &lines{}}
	p.cmd = exec.Command(path, "--demo", "--listen", p.Addr, "--admin", p.Admin, "--drain-timeout", "2s")
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	if _, err := bufio.NewReader(log).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = log.Close()
	go func() { p.ended <- p.cmd.Wait() }()
	p.awaitReady(t)
	for range 3 { // each writes to the pipe that nobody reads
		c, _, err := websocket.Dial(t.Context(), p.url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(t.Context(), websocket.MessageText, []byte("still there?")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = c.CloseNow()
	}
	c, _, err := websocket.Dial(t.Context(), p.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	p.signal(t)
	if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) == -1 {
		t.Errorf("at the drain the client got %v", err)
	}
	if err := await(t, p.ended, "the end of weir"); err != nil {
		t.Errorf("weir ended with %v", err)
	}
}

// stuckPipe is a pipe that nobody reads and that has no room left.
func stuckPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	fd := int(w.Fd())
	_ = syscall.SetNonblock(fd, true)
	for chunk := make([]byte, 4096); len(chunk) > 0; {
		if _, err := syscall.Write(fd, chunk); err != nil {
			chunk = chunk[:len(chunk)/2] // to the last byte
		}
	}
	_ = syscall.SetNonblock(fd, false)
	return w
}

// startMute runs weir with a standard output and error that never take a byte.
func startMute(t *testing.T, args ...string) *process {
	t.Helper()
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Front: &Front{Addr: freeport.Addr(t), Admin: freeport.Addr(t)}, ended: make(chan error, 1), stderr: &lines{}}
	p.cmd = exec.Command(path, append([]string{"--listen", p.Addr, "--admin", p.Admin}, args...)...)
	out := stuckPipe(t)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() { p.ended <- p.cmd.Wait() }()
	p.awaitReady(t)
	return p
}

// ask makes a request to the admin listener, and gives status and body.
func (p *process) ask(t *testing.T, method, path string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	r, err := http.NewRequest(method, "http://"+p.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, string(body)
}

// TestLogThatNobodyReads: standard output and error never take a byte, as with a log driver that is stuck. Sessions, every
// admin call, a reload of certificates that have changed and a whole drain go on as ever.
func TestLogThatNobodyReads(t *testing.T) {
	ca := newAuthority(t)
	files := ca.issue(t, time.Hour, "a.test")
	p := startMute(t, "--demo", "--tls-listen", freeport.Addr(t), "--tls-cert", files.cert, "--tls-key", files.key,
		"--drain-timeout", "2s", "--close-timeout", "1s", "--tls-reload-interval", "0")
	dial := func() *websocket.Conn {
		c, _, err := websocket.Dial(t.Context(), p.url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.CloseNow() })
		return c
	}
	first := dial()
	for _, call := range []string{
		"GET /healthz", "GET /readyz", "GET /metrics", "GET /health", "GET /endpoints", "GET /sessions", "GET /config", "GET /debug/pprof/", "POST /reload",
		"POST /sessions/renew?ip=127.0.0.1&expires=4000000000", "POST /sessions/close?ip=127.0.0.1&code=4003",
	} {
		method, path, _ := strings.Cut(call, " ")
		if status, body := p.ask(t, method, path); status != http.StatusOK {
			t.Errorf("%s: %d %s", call, status, body)
		}
	}
	if _, _, err := first.Read(t.Context()); websocket.CloseStatus(err) != 4003 {
		t.Errorf("closed by admin: %v", err)
	}
	renewed := ca.issue(t, time.Hour, "a.test")
	if err := errors.Join(os.Rename(renewed.cert, files.cert), os.Rename(renewed.key, files.key)); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	awaitMetric(t, p.Front, 1, "weir_tls_reloads_total")
	last := dial()
	if status, _ := p.ask(t, "POST", "/drain"); status != http.StatusAccepted {
		t.Errorf("POST /drain: %d", status)
	}
	if _, _, err := last.Read(t.Context()); websocket.CloseStatus(err) != 1001 {
		t.Errorf("at the drain the client got %v", err)
	}
	if err := await(t, p.ended, "the end of weir"); err != nil {
		t.Errorf("weir ended with %v", err)
	}
}

// TestSignalsWithALogThatNobodyReads: the first drains, the second ends the process at once.
func TestSignalsWithALogThatNobodyReads(t *testing.T) {
	p := startMute(t, "--demo", "--drain-timeout", "1h", "--close-timeout", "1s")
	_ = mustDial(t, p.Front) // which the drain would wait for
	p.signal(t)
	awaitTrue(t, "it drains", func() bool { return p.readiness() == http.StatusServiceUnavailable })
	p.signal(t)
	var status *exec.ExitError
	if err := await(t, p.ended, "the end of weir"); !errors.As(err, &status) || status.ExitCode() != 1 {
		t.Errorf("weir ended with %v", err)
	}
}

// TestUpgradeWithALogThatNobodyReads: the successor serves, and the process before ends with its last session.
func TestUpgradeWithALogThatNobodyReads(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	p := startMute(t, "--upstream", b.url(), "--close-timeout", "1s")
	resident := mustDial(t, p.Front)
	replace(t, p.Admin) // by POST /upgrade
	if err := mustDial(t, p.Front).exchange("to the successor"); err != nil {
		t.Error(err)
	}
	if err := resident.exchange("to the process before"); err != nil {
		t.Error(err)
	}
	_ = resident.Close()
	if err := await(t, p.ended, "the end of the process before"); err != nil {
		t.Error(err)
	}
}

// TestErrorThatNobodyReads: a start that fails ends all the same.
func TestErrorThatNobodyReads(t *testing.T) {
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	cmd := exec.Command(path, "--listen", "80")
	cmd.Stderr = stuckPipe(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	go func() { ended <- cmd.Wait() }()
	var status *exec.ExitError
	if err := await(t, ended, "the end of weir"); !errors.As(err, &status) || status.ExitCode() != 1 {
		t.Errorf("weir ended with %v", err)
	}
}

// TestOutputIsWeirsOwn: no library puts a line of its own before weir's, which programs read.
func TestOutputIsWeirsOwn(t *testing.T) {
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "weir ") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("weir version: %v\n%s", err, out)
	}
	p := startBinary(t, 0, "--upstream", "ws://127.0.0.1:1", "--access-log", "json")
	p.terminate(t)
	for line := range strings.Lines(p.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}
