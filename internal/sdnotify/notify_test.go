package sdnotify_test

import (
	"net"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"weir/internal/sdnotify"
)

func TestNotify(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@weir-sdnotify-test"} {
		l, err := net.ListenPacket("unixgram", name)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := sdnotify.From([]string{"A=b", "NOTIFY_SOCKET=" + name})
		_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
		for _, m := range []struct {
			send func() error
			want string
		}{
			{s.Ready, `^READY=1$`}, {s.Reloading, `^RELOADING=1\nMONOTONIC_USEC=\d{4,}$`}, {s.Stopping, `^STOPPING=1$`},
			{func() error { return s.MainPID(42) }, `^MAINPID=42$`},
		} {
			if err := m.send(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			b := make([]byte, 100)
			n, _, err := l.ReadFrom(b)
			if got := string(b[:n]); err != nil || !regexp.MustCompile(m.want).MatchString(got) {
				t.Errorf("%s: %q, %v; want %s", name, got, err, m.want)
			}
		}
	}
}

// Without systemd nothing is sent, and a socket that is not there is an error.
func TestNobodyListens(t *testing.T) {
	if err := sdnotify.From([]string{"A=b"}).Ready(); err != nil {
		t.Error(err)
	}
	if err := sdnotify.Socket(filepath.Join(t.TempDir(), "none")).Ready(); err == nil {
		t.Error("no error")
	}
}
