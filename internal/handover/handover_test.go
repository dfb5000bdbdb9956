package handover_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/handover"
)

const patience = 20 * time.Second

// TestMain is the successor as well: a program that TestMain was started with as such answers one client and ends.
func TestMain(m *testing.M) {
	if part := os.Getenv("HANDOVER_PART"); part != "" {
		if err := succeed(part); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func succeed(part string) error {
	in, err := handover.Inherit(os.Environ())
	if err != nil {
		return err
	}
	switch part {
	case "fails":
		in.Failed(errors.New("no backend is well"))
		return nil
	case "ends":
		return nil
	case "hangs":
		time.Sleep(patience)
		return nil
	}
	ln, err := net.FileListener(in.Listeners[0])
	if err != nil {
		return err
	}
	before, err := in.Ready()
	if err != nil {
		return err
	}
	c, err := ln.Accept()
	if err != nil {
		return err
	}
	fmt.Fprintf(c, "%s %d %d %s %t", in.State.StickyKey, in.State.PID, before.PID, before.Admin, in.Admin != nil)
	return c.Close()
}

// part is this program as a successor that plays part.
func part(name string) handover.Program {
	return handover.Program{Path: os.Args[0], Environ: append(os.Environ(), "HANDOVER_PART="+name)}
}

func listener(t *testing.T) (addr string, file *os.File) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err = ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	_ = ln.Close() // its copy is left
	return ln.Addr().String(), file
}

func TestSuccessorTakesOver(t *testing.T) {
	addr, file := listener(t)
	_, admin := listener(t)
	next, err := handover.Start(part("serves"), handover.State{PID: 7, StickyKey: []byte("secret")}, []*os.File{file}, admin)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := next.Wait(patience); err != nil || pid == 0 {
		t.Fatal(pid, err)
	}
	if err := next.Go(handover.Predecessor{PID: 7, Admin: "/run/x"}); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if got, err := io.ReadAll(c); string(got) != "secret 7 7 /run/x true" {
		t.Errorf("%q, %v", got, err)
	}
}

// Whatever becomes of a successor that does not come up, the reason is told and nothing of it is left.
func TestSuccessorThatDoesNotComeUp(t *testing.T) {
	for name, tt := range map[string]struct {
		within time.Duration
		want   string
	}{
		"fails": {patience, "no backend is well"},
		"ends":  {patience, "ended before it was ready"},
		"hangs": {50 * time.Millisecond, "not ready within 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			_, file := listener(t)
			next, err := handover.Start(part(name), handover.State{}, []*os.File{file}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := next.Wait(tt.within); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestSuccessorThatCannotBeStarted(t *testing.T) {
	if _, err := handover.Start(handover.Program{Path: "/nowhere/weir"}, handover.State{}, nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestInheritNothing(t *testing.T) {
	for _, environ := range [][]string{nil, {"LISTEN_FDS=1"}, {"LISTEN_FDS=1", "LISTEN_PID=1"}, {fmt.Sprintf("LISTEN_PID=%d", os.Getpid())},
		{fmt.Sprintf("LISTEN_PID=%d", os.Getpid()), "LISTEN_FDS=0"}} {
		if in, err := handover.Inherit(environ); in != nil || err != nil {
			t.Errorf("%q: %v, %v", environ, in, err)
		}
	}
}

func TestInheritNonsense(t *testing.T) {
	pid := fmt.Sprintf("LISTEN_PID=%d", os.Getpid())
	for _, environ := range [][]string{{"WEIR_HANDOVER=x"}, {"WEIR_HANDOVER=0"}, {"WEIR_HANDOVER=9999"}, {pid, "LISTEN_FDS=-1"}, {pid, "LISTEN_FDS=many"}, {pid, "LISTEN_FDS=5000"}} {
		if in, err := handover.Inherit(environ); in != nil || err == nil {
			t.Errorf("%q: %v, %v", environ, in, err)
		}
	}
}

func TestEnviron(t *testing.T) {
	got := handover.Environ([]string{"A=1", "LISTEN_FDS=2", "LISTEN_PID=3", "LISTEN_FDNAMES=x", "WEIR_HANDOVER=3", "WEIR_LISTEN=:80"})
	if !slices.Equal(got, []string{"A=1", "WEIR_LISTEN=:80"}) {
		t.Errorf("%q", got)
	}
}
