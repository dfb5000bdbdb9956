package interop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"weir/internal/freeport"
)

// exchange sends a message and reads its echo.
func (c rawClient) exchange(text string) error {
	_ = c.SetDeadline(time.Now().Add(patience))
	if err := wsutil.WriteClientText(c, []byte(text)); err != nil {
		return err
	}
	got, err := wsutil.ReadServerText(c)
	if err == nil && string(got) != text {
		err = fmt.Errorf("%q came back as %q", text, got)
	}
	return err
}

// replace runs weir upgrade, and gives the successor's process id.
func replace(t testing.TB, admin string) (pid int) {
	t.Helper()
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "upgrade", "--admin", admin).Output()
	if err != nil {
		t.Fatalf("weir upgrade: %v", err)
	}
	if _, err := fmt.Sscanf(string(out), "replaced by process %d", &pid); err != nil {
		t.Fatalf("weir upgrade said %q", out)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// handshakes opens sessions, uses them once and closes them, from several goroutines, until it is stopped; any failure counts.
type handshakes struct {
	stop    atomic.Bool
	running sync.WaitGroup
	opened  atomic.Int64
	failed  chan error
}

func storm(addr string, clients int) *handshakes {
	h := &handshakes{failed: make(chan error, 1)}
	for range clients {
		h.running.Go(func() {
			for !h.stop.Load() {
				if err := h.one(addr); err != nil {
					select {
					case h.failed <- err:
					default:
					}
					return
				}
				h.opened.Add(1)
			}
		})
	}
	return h
}

func (h *handshakes) one(addr string) error {
	c, err := dialRaw(addr, patience)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	defer reset(c.TCPConn)
	return c.exchange("hello")
}

// end stops the storm and tells how many sessions it opened.
func (h *handshakes) end(t testing.TB) int64 {
	t.Helper()
	h.stop.Store(true)
	h.running.Wait()
	select {
	case err := <-h.failed:
		t.Errorf("after %d: %v", h.opened.Load(), err)
	default:
	}
	return h.opened.Load()
}

func body(t testing.TB, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s: %s, %v", url, answer.Status, err)
	}
	return string(b)
}

// Twenty upgrades in a row under a storm of handshakes: none is refused or reset, and who was there before goes on. Each
// old process ends with the last of its sessions.
func TestUpgradesAreNotNoticed(t *testing.T) {
	for _, extra := range [][]string{{"--loops=2"}, {"--loops=3", "--loop-file-tables"}} {
		t.Run(strings.Join(extra, " "), func(t *testing.T) {
			const upgrades = 20
			b := startRaw(t, "127.0.0.1:0")
			b.echo(t)
			p := startBinary(t, 0, append(extra, "--upstream", b.url(), "--access-log", "off", "--close-timeout", "200ms")...)
			h := storm(p.Addr, 3)
			var residents []rawClient
			last := 0
			for range upgrades {
				residents = append(residents, mustDial(t, p.Front))
				before := h.opened.Load()
				last = replace(t, p.Admin)
				for h.opened.Load() < before+10 && !t.Failed() {
					select {
					case err := <-h.failed:
						t.Fatalf("%v\n%s", err, p.stderr)
					case <-time.After(time.Millisecond):
					}
				}
			}
			t.Logf("%d handshakes meanwhile", h.end(t))
			for i, c := range residents {
				if err := c.exchange("still here"); err != nil {
					t.Errorf("session %d: %v", i, err)
				}
			}
			if text := body(t, "http://"+p.Admin+"/metrics"); !strings.Contains(text, "weir_predecessor_sessions{pid=") {
				t.Error("the successor does not tell of the sessions of the process before")
			}
			for _, c := range residents {
				_ = c.Close()
			}
			if err := await(t, p.ended, "the end of the first process, with its last session"); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
				t.Errorf("%v\n%s", err, p.stderr)
			}
			if err := syscall.Kill(last, syscall.SIGTERM); err != nil {
				t.Errorf("the last process: %v", err)
			}
		})
	}
}

// A successor that does not come up changes nothing, by signal or by command, and the reason is told.
func TestFailedUpgrade(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	config := t.TempDir() + "/weir.yaml"
	write := func(text string) {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("upstream: " + b.url() + "\n")
	p := startBinary(t, 0, "--config", config, "--drain-timeout", "500ms", "--close-timeout", "100ms")
	c := mustDial(t, p.Front)
	write("upstraem: x\n")
	path, _ := buildWeir()
	out, err := exec.Command(path, "upgrade", "--admin", p.Admin).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "ended before it was ready") {
		t.Errorf("%v, %s", err, out)
	}
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.stderr.await(t, "upgrade failed")
	if text := p.stderr.String(); !strings.Contains(text, "upstraem") {
		t.Errorf("the log does not say why:\n%s", text)
	}
	if err := c.exchange("still here"); err != nil {
		t.Error(err)
	}
	if err := mustDial(t, p.Front).exchange("new here"); err != nil {
		t.Error(err)
	}
	if p.readiness() != 200 {
		t.Error("not ready any more")
	}
	p.terminate(t)
}

// With upgrade-drain the old process closes its sessions over that time, and answers on its unix socket meanwhile.
func TestUpgradeDrain(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	p := startBinary(t, 0, "--upstream", b.url(), "--upgrade-drain", "1s", "--close-timeout", "200ms")
	c := mustDial(t, p.Front)
	_, rest, _ := strings.Cut(body(t, "http://"+p.Admin+"/endpoints"), `"id": "`)
	id, _, _ := strings.Cut(rest, `"`)
	res, err := http.Post("http://"+p.Admin+"/endpoints/"+id+"/weight?n=7", "", nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	next := replace(t, p.Admin)
	if got := body(t, "http://"+p.Admin+"/endpoints"); !strings.Contains(got, `"weight": 7,`) {
		t.Errorf("what was changed by hand did not go along: %s", got)
	}
	f, err := ws.ReadFrame(c)
	if err != nil || f.Header.OpCode != ws.OpClose {
		t.Fatalf("%+v, %v", f.Header, err)
	}
	if code, _ := ws.ParseCloseFrameData(f.Payload); code != 1001 {
		t.Errorf("closed with %d", code)
	}
	_ = c.Close()
	if err := await(t, p.ended, "the end of the old process"); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Error(err)
	}
	_ = syscall.Kill(next, syscall.SIGTERM)
}

// Sockets that systemd opened are listened on, whatever their number and that of the loops, and a socket that the
// configuration does not name is an error.
func TestSocketActivation(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	socket := listening(t)
	addr, admin := socket.Name(), freeport.Addr(t)
	// activated is weir as systemd starts it: with a listening socket as descriptor 3.
	activated := func(listen string, args ...string) *exec.Cmd {
		args = append(args, "--listen", listen, "--admin", admin, "--upstream", b.url(), "--drain-timeout", "500ms", "--close-timeout", "100ms")
		cmd := exec.Command("/bin/sh", append([]string{"-c", `export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@"`, path}, args...)...)
		cmd.ExtraFiles = []*os.File{socket}
		return cmd
	}
	for _, loops := range []string{"1", "3"} {
		var log bytes.Buffer
		cmd := activated(addr, "--loops", loops)
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			c := mustDial(t, &Front{Addr: addr})
			if err := c.exchange("hello"); err != nil {
				t.Errorf("%v\n%s", err, log.String())
			}
			_ = c.Close()
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	out, err := activated(freeport.Addr(t)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), addr) || !strings.Contains(string(out), "neither listen nor tls-listen") {
		t.Errorf("%v, %s", err, out)
	}
}

// listening is a listening socket, named after its address, whose only descriptor this is.
func listening(t testing.TB) *os.File {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // a copy is left
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var f *os.File
	_ = raw.Control(func(fd uintptr) {
		if n, err := syscall.Dup(int(fd)); err == nil {
			f = os.NewFile(uintptr(n), ln.Addr().String())
		}
	})
	t.Cleanup(func() { _ = f.Close() })
	return f
}
