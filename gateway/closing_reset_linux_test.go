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
	client.reset()
	if _, err := server.in.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the backend sees %v, want a reset", err)
	}
	if timeWait(t, server.conn.RemoteAddr(), server.conn.LocalAddr()) {
		t.Error("the gateway's port is in TIME_WAIT")
	}
}

// timeWait tells whether a connection lingers on the side that ended it. Others of the same listener may be those of a test
// that had its port before.
func timeWait(t *testing.T, local, remote net.Addr) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	end := func(a net.Addr) string { return fmt.Sprintf("0100007F:%04X", a.(*net.TCPAddr).Port) }
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); f[1] == end(local) && f[2] == end(remote) && f[3] == "06" {
			return true
		}
	}
	return false
}
