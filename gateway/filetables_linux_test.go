package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/config"
)

// TestLoopFileTables holds in one process more sockets than its limit of open files: in clear, over TLS and from a unix
// socket, to backends with a connection each and to pooled ones, beside plain HTTP. All is served while the collector
// runs, and the end is orderly.
func TestLoopFileTables(t *testing.T) {
	for _, tt := range []struct {
		name     string
		backend  func(testing.TB) (url string)
		sessions int // with two sockets each, or one
		max      int // sessions, as derived from the limit
	}{
		{"a connection each", echo, 450, 4 * (filesLimit - 256) / 2},
		{"pooled", echoPool, 800, 4 * (filesLimit - 256)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ca, dir := newAuthority(t), t.TempDir()
			cert, key, socket := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), filepath.Join(dir, "s")
			ca.server(cert, key, "weir.test")
			page, _ := pages(t)
			g := startProcess(t, "--loop-file-tables", "--loops=4", "--upstream="+tt.backend(t), "--http-upstream="+strings.Replace(page, "ws:", "http:", 1),
				"--listen=127.0.0.1:0,unix:"+socket, "--tls-listen=127.0.0.1:0", "--tls-cert="+cert, "--tls-key="+key, "--drain-timeout=200ms")
			clear, unix, secure := g.addrs[0], g.addrs[1], g.addrs[2]

			peers := make([]*peer, tt.sessions)
			for i := range peers {
				peers[i] = reach(t, clear)
				peers[i].write(handshake("/"))
				peers[i].wantStatus(101)
			}
			for _, line := range []string{fmt.Sprintf("connections %d", tt.sessions), fmt.Sprintf("connections_max %d", tt.max)} {
				if !strings.Contains(g.metrics(), "\nweir_client_"+line+"\n") {
					t.Errorf("the metrics lack %q", line)
				}
			}
			for range 3 {
				for i, p := range peers {
					p.send(ws.OpText, fmt.Sprint(i))
				}
				for i, p := range peers {
					p.want(ws.OpText, fmt.Sprint(i))
				}
			}
			for range 20 {
				plain := reach(t, clear)
				for range 2 {
					plain.write(get)
					if _, body := plain.answer(); body != "GET / " {
						t.Errorf("plain HTTP: %q", body)
					}
				}
				over, err := reach(t, secure).startTLS(ca.clientTLS())
				if err != nil {
					t.Fatal(err)
				}
				over.write(get)
				if _, body := over.answer(); body != "GET / " {
					t.Errorf("plain HTTP over TLS: %q", body)
				}
				over.write(handshake("/"))
				over.wantStatus(101)
				over.send(ws.OpText, "secret")
				over.want(ws.OpText, "secret")
				local, err := net.Dial("unix", unix)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(local, handshake("/"))
				if r, err := http.ReadResponse(bufio.NewReader(local), nil); err != nil || r.StatusCode != 101 {
					t.Errorf("from a unix socket: %v, %v", r, err)
				}
				_ = local.Close()
			}
			for _, p := range peers[1:] {
				p.sendClose(1000)
				p.wantClose(1000)
				p.wantEnd()
				_ = p.conn.Close()
			}
			if !eventually(func() bool { return strings.Contains(g.metrics(), "\nweir_client_connections 21\n") }) {
				t.Error("sessions that have ended are not gone")
			}
			g.drain()
			peers[0].wantClose(1001)
			g.end()
			if _, err := os.Stat(socket); !os.IsNotExist(err) {
				t.Errorf("the unix socket stays: %v", err)
			}
		})
	}
}

// What the gateway in a process of its own is told, by a variable: its flags, one a line.
const (
	filesArgs  = "WEIR_TEST_FILE_TABLES"
	filesLimit = 512
)

// TestLoopFileTablesProcess is that process; elsewhere it does nothing. TestMain looks at what it leaves open.
func TestLoopFileTablesProcess(t *testing.T) {
	args, ok := os.LookupEnv(filesArgs)
	if !ok {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: filesLimit, Max: filesLimit}); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(strings.Split(args, "\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err == nil {
		err = g.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Print("addresses")
	for _, addr := range append(g.Addrs(), g.AdminAddr()) {
		fmt.Print(" ", addr)
	}
	fmt.Println()
	asked := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(asked)
	}()
	for done := false; !done; runtime.GC() {
		select {
		case <-asked:
			done = true
		default:
		}
	}
	g.Drain()
	await(t, stopped(t, g), "the end")
}

// process is such a gateway.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.Closer // its end asks it to drain
	addrs []string  // the last is that of admin
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestLoopFileTablesProcess$")}
	p.cmd.Env = append(os.Environ(), filesArgs+"="+strings.Join(append(args, "--admin=127.0.0.1:0", "--access-log=off"), "\n"))
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in = in
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	lines := bufio.NewReader(out)
	for line := ""; err == nil; line, err = lines.ReadString('\n') {
		if rest, ok := strings.CutPrefix(line, "addresses "); ok {
			p.addrs = strings.Fields(rest)
			return p
		}
	}
	t.Fatal("the process tells no addresses")
	return nil
}

func (p *process) metrics() string {
	p.t.Helper()
	r, err := http.Get("http://" + p.addrs[len(p.addrs)-1] + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *process) drain() { _ = p.in.Close() }

// end waits for the process, which ends well unless it has left something open or raced.
func (p *process) end() {
	p.t.Helper()
	if err := p.cmd.Wait(); err != nil {
		p.t.Error(err)
	}
}
