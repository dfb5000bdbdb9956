package gateway_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/gobwas/ws"
)

// TestResetGoesOn to the backend that has everything, and leaves none of our ports in TIME_WAIT.
func TestResetGoesOn(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client, server := session(t, g, b)
	client.send(ws.OpText, "up")
	server.want(ws.OpText, "up")
	server.send(ws.OpText, "down") // acknowledges what went up
	client.want(ws.OpText, "down")
	_ = client.conn.SetLinger(0)
	_ = client.conn.Close()
	if _, err := server.in.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the backend sees %v, want a reset", err)
	}
	if n := timeWaits(t, b.ln.Addr()); n > 0 {
		t.Errorf("%d ports in TIME_WAIT", n)
	}
}

// timeWaits counts the connections to a listener that linger on the side that ended them.
func timeWaits(t *testing.T, listener net.Addr) (n int) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	remote := fmt.Sprintf("0100007F:%04X", listener.(*net.TCPAddr).Port)
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); f[2] == remote && f[3] == "06" {
			n++
		}
	}
	return n
}
