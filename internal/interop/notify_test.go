package interop

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// supervisor hears what services tell systemd.
type supervisor struct{ *net.UnixConn }

// supervise takes systemd's place for processes that the test starts.
func supervise(t *testing.T) supervisor {
	t.Helper()
	place := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	conn, err := net.ListenUnixgram(place.Net, place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", place.Name)
	return supervisor{conn}
}

// want is the next message, which has to match.
func (s supervisor) want(t *testing.T, pattern string) string {
	t.Helper()
	b := make([]byte, 4096)
	_ = s.SetReadDeadline(time.Now().Add(patience))
	n, err := s.Read(b)
	if got := string(b[:n]); err != nil || !regexp.MustCompile("^(?:"+pattern+")$").MatchString(got) {
		t.Fatalf("systemd was told %q, %v; want %s", got, err, pattern)
	}
	return string(b[:n])
}

// TestSystemdIsTold of the start, of a reload, of the process that takes over, and of the end; a process that has left its
// place says nothing of its end.
func TestSystemdIsTold(t *testing.T) {
	systemd := supervise(t)
	p := startBinary(t, 0, "--demo", "--drain-timeout", "2s", "--close-timeout", "1s")
	systemd.want(t, "READY=1")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	systemd.want(t, `RELOADING=1\nMONOTONIC_USEC=\d+`)
	systemd.want(t, "READY=1")

	resident := mustDial(t, p.Front)
	next := replace(t, p.Admin)
	told := systemd.want(t, `READY=1|MAINPID=`+strconv.Itoa(next)) + systemd.want(t, `READY=1|MAINPID=`+strconv.Itoa(next))
	if len(told) != len("READY=1MAINPID=")+len(strconv.Itoa(next)) {
		t.Errorf("told twice: %q", told)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // the process before, to hurry it
	expectClose(t, resident, 1001)
	_ = resident.Close()
	if err := await(t, p.ended, "the end of the process before"); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Error(err)
	}
	if err := syscall.Kill(next, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	systemd.want(t, "STOPPING=1")
}

// TestSystemdIsToldOfADrain that the admin listener was asked for, once.
func TestSystemdIsToldOfADrain(t *testing.T) {
	systemd := supervise(t)
	p := startBinary(t, 0, "--demo", "--drain-timeout", "2s", "--close-timeout", "1s")
	systemd.want(t, "READY=1")
	resident := mustDial(t, p.Front)
	tell(t, p.Front, "/drain")
	systemd.want(t, "STOPPING=1")
	p.signal(t)
	expectClose(t, resident, 1001)
	_ = resident.Close()
	if err := await(t, p.ended, "the end of the process"); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Error(err)
	}
	_ = systemd.SetReadDeadline(time.Now().Add(time.Millisecond))
	b := make([]byte, 100)
	if n, err := systemd.Read(b); err == nil {
		t.Errorf("systemd was told %q as well", b[:n])
	}
}
