//go:build linux

package regress

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/bench/echo"
	"weir/bench/epoll/epolltest"
	"weir/bench/peers"
)

// patience bounds every wait for something that has to come; machines that test are busy.
const patience = 20 * time.Second

// way is how sessions reach a backend.
type way struct {
	pool, tls bool
	backend   string // its URL; empty: a fresh echo backend
	flags     []string
	traced    string // file that strace writes its summary to; empty: not traced
}

// gateway is a weir in a process of its own.
type gateway struct {
	t     testing.TB
	pid   int
	addr  string      // where its clients connect
	admin string      // host and port
	tls   *tls.Config // of its clients; nil: in clear
}

// certificate is the gateway's.
var certificate = sync.OnceValues(peers.NewCertificate)

// start runs a gateway until the test is over.
func start(t testing.TB, w way) *gateway {
	t.Helper()
	if w.backend == "" {
		w.backend = backend(t, w.pool)
	}
	args := append([]string{"--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--upstream=" + w.backend, "--loops=1",
		"--health-interval=0", "--access-log=off"}, w.flags...)
	g := &gateway{t: t}
	if w.tls {
		cert, err := certificate()
		if err != nil {
			t.Fatal(err)
		}
		chain, key := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
		for name, content := range map[string][]byte{chain: cert.Chain, key: cert.Key} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		g.tls = cert.Client()
		args = append(args, "--tls-listen=127.0.0.1:0", "--tls-cert="+chain, "--tls-key="+key)
	}
	g.run(w.command(args))
	return g
}

// command is weir, or strace with weir below it: a process may be traced by its parent where others may not.
func (w way) command(args []string) *exec.Cmd {
	if w.traced == "" {
		return exec.Command(weir, args...)
	}
	trace := []string{"--summary-only", "--follow-forks", "--output=" + w.traced, weir}
	return exec.Command("strace", append(trace, args...)...)
}

var listening = regexp.MustCompile(`msg=listening addresses="?\[([^\]]+)\]"? admin=(\S+)`)

// run starts the process and reads from its log where it listens.
func (g *gateway) run(cmd *exec.Cmd) {
	g.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		g.t.Fatal(err)
	}
	cmd.Stderr = w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // strace leaves what it traces alive
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		g.t.Fatalf("%v (.ci/deps installs what is needed)", err)
	}
	g.pid = cmd.Process.Pid
	g.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = r.Close()
	})
	_ = r.SetReadDeadline(time.Now().Add(patience))
	var log strings.Builder
	for in := bufio.NewScanner(r); in.Scan(); {
		if m := listening.FindStringSubmatch(in.Text()); m != nil {
			addrs := strings.Fields(m[1])
			g.addr, g.admin = addrs[len(addrs)-1], m[2]
			if filepath.Base(cmd.Path) != filepath.Base(weir) {
				g.pid = child(g.t, cmd.Process.Pid)
			}
			return
		}
		log.WriteString(in.Text() + "\n")
	}
	g.t.Fatalf("weir did not say where it listens:\n%s", &log)
}

// child is the only one of a process that runs on one thread.
func child(t testing.TB, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// backend runs an echo server and returns its URL.
func backend(t testing.TB, pool bool) string {
	t.Helper()
	scheme, addr := "ws://", netip.MustParseAddrPort("127.0.0.1:0")
	server, err := echo.Serve(addr)
	if pool {
		scheme = "h2c://"
		server, err = echo.ServeH2C(addr, 10_000)
	}
	at, _ := epolltest.Run(t, server, err)
	return scheme + at.String()
}

// asOneBatch stops the process while send runs, so that all that was sent is ready when its loop next looks.
func (g *gateway) asOneBatch(send func()) {
	g.t.Helper()
	g.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	for { // a stop is told to the parent, as an end is
		if _, err := syscall.Wait4(g.pid, &status, syscall.WUNTRACED, nil); err == syscall.EINTR {
			continue
		} else if err != nil || !status.Stopped() {
			g.t.Fatalf("weir was not stopped: %v, status %#x", err, status)
		}
		break
	}
	send()
	g.signal(syscall.SIGCONT)
}

func (g *gateway) signal(s syscall.Signal) {
	g.t.Helper()
	if err := syscall.Kill(g.pid, s); err != nil {
		g.t.Fatal(err)
	}
}
