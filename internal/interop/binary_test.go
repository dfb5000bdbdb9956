package interop

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/internal/freeport"
)

// buildWeir builds the command once; TestMain removes it.
var buildWeir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "weir-interop")
	if err != nil {
		return "", err
	}
	stopPeers.Lock()
	stopPeers.all = append(stopPeers.all, func() { _ = os.RemoveAll(dir) })
	stopPeers.Unlock()
	path := filepath.Join(dir, "weir")
	out, err := exec.Command("go", "build", "-o", path, "weir/cmd/weir").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

// process is a running weir with a front to reach it.
type process struct {
	*Front
	cmd    *exec.Cmd
	ended  chan error
	stderr *lines
}

// startBinary runs the command; files bounds its open files, 0: no bound of its own. It is ready when it returns.
func startBinary(t testing.TB, files int, args ...string) *process {
	t.Helper()
	return startBinaryAs(t, files, nil, args...)
}

// startBinaryAs does it for a process with attributes of its own.
func startBinaryAs(t testing.TB, files int, attributes *syscall.SysProcAttr, args ...string) *process {
	t.Helper()
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Front: &Front{Addr: freeport.Addr(t), Admin: freeport.Addr(t)}, ended: make(chan error, 1), stderr: &lines{}}
	args = append([]string{path, "--listen", p.Addr, "--admin", p.Admin}, args...)
	if files > 0 {
		args = append([]string{"/bin/sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files)}, args...)
	}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Stderr, p.cmd.Stdout = p.stderr, p.stderr
	p.cmd.WaitDelay = time.Second // a successor writes there, too
	p.cmd.SysProcAttr = attributes
	err = p.cmd.Start()
	if attributes != nil && errors.Is(err, syscall.EPERM) {
		t.Skip("this machine does not let these tests have a namespace: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.awaitReady(t)
	return p
}

// awaitReady polls, as the outside sees no event before the admin listener stands.
func (p *process) awaitReady(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-p.ended:
			t.Fatalf("weir ended early: %v\n%s", err, p.stderr)
		default:
		}
		if p.readiness() == http.StatusOK {
			return
		}
	}
	t.Fatalf("weir did not become ready\n%s", p.stderr)
}

// readiness is the status of /readyz, 0 if there is none.
func (p *process) readiness() int {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	answer, err := client.Get("http://" + p.Admin + "/readyz")
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// terminate sends SIGTERM and expects exit status 0.
func (p *process) terminate(t testing.TB) {
	t.Helper()
	p.signal(t)
	if err := await(t, p.ended, "the end of weir"); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, p.stderr)
	}
}

func (p *process) signal(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// cpu is the user and system time that the process has used.
func (p *process) cpu(t testing.TB) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var user, system int64
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * time.Second / 100 // USER_HZ is 100 on Linux
}

// lines keeps the last lines that a process wrote, for the message of a test that fails.
type lines struct {
	mu   sync.Mutex
	text []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	l.text = l.text[max(0, len(l.text)-32<<10):]
	return len(b), nil
}

// await waits for a text to be written.
func (l *lines) await(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(l.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing says %q:\n%s", text, l)
		}
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// TestDemo follows what a newcomer does first.
func TestDemo(t *testing.T) {
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	p := startBinary(t, 0, "--demo")
	out, err := exec.Command(path, "try", p.url("/"), "--message", "ahoy").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ahoy") {
		t.Errorf("weir try: %v\n%s", err, out)
	}
	if !strings.Contains(p.stderr.String(), p.url("/")) {
		t.Errorf("weir does not tell where it listens:\n%s", p.stderr)
	}
	for _, i := range implementations {
		client, _ := i.peer(t).Dial(t, command{URL: p.url("/")})
		sent := client.do(t, command{Do: "send", Kind: "text", Size: 100_000})
		if got, _ := client.Expect(t, "message"); got.Hash != sent.Hash {
			t.Errorf("%s: the echo is not what was sent", i.name)
		}
		client.do(t, command{Do: "close", Code: 1000})
		if got, _ := client.Expect(t, "close"); got.Code != 1000 {
			t.Errorf("%s: closed with %d", i.name, got.Code)
		}
	}
	p.terminate(t)
}

// TestTakenPort: a listener that cannot be opened is an error that names the address, and exit status 1.
func TestTakenPort(t *testing.T) {
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().String()
	out, err := exec.Command(path, "--listen", addr, "--admin", "off", "--upstream", "ws://127.0.0.1:1").CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 1 || !strings.Contains(string(out), addr) {
		t.Errorf("%v, output:\n%s", err, out)
	}
	for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
		if strings.HasPrefix(s.Text(), "goroutine ") {
			t.Errorf("weir panicked:\n%s", out)
		}
	}
}
