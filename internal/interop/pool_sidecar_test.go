package interop

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"weir/internal/freeport"
)

// sidecars puts HAProxy, with the file that deploy/ gives to users, between the gateway's pool and each backend.
func sidecars(t testing.TB, backends ...string) *Front {
	t.Helper()
	for i, backend := range backends {
		backends[i] = "ws://" + startHAProxy(t, strings.TrimPrefix(backend, "ws://"))
	}
	return pools(t, backends...)
}

func startHAProxy(t testing.TB, backend string) (addr string) {
	t.Helper()
	addr = freeport.Addr(t)
	startProcess(t, addr, []string{"WEIR_SIDECAR_LISTEN=" + addr, "WEIR_SIDECAR_BACKEND=" + backend},
		"haproxy", "-db", "-f", "../../deploy/pooling-haproxy.cfg")
	return addr
}

// startProcess runs a backend until the end of the test, and returns when it listens on addr.
func startProcess(t testing.TB, addr string, env []string, argv ...string) *exec.Cmd {
	t.Helper()
	said := &lines{}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatalf("run make deps: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", addr) // there is no event to await
		if err == nil {
			_ = c.Close()
			return cmd
		}
		select {
		case <-ended:
			t.Fatalf("%s ended early:\n%s", argv[0], said)
		default:
		}
	}
	t.Fatalf("%s does not listen on %s:\n%s", argv[0], addr, said)
	return nil
}

// TestPoolOverSidecar plays the table with a backend that knows nothing but HTTP/1.1.
func TestPoolOverSidecar(t *testing.T) {
	t.Parallel()
	playPair(t, implementations[0], implementations[1], sidecars)
}
