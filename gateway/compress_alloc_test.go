//go:build !race

// The race detector has pools of buffers forget some of what they are given.

package gateway_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/config"
)

// TestNoAllocationPerPressedMessage is TestNoAllocationPerMessage with messages that are inflated on their way up and
// compressed on their way down, whether they come in one read or are gathered.
func TestNoAllocationPerPressedMessage(t *testing.T) {
	for _, size := range []int{300, 4096, 16 << 10, 60 << 10, 200 << 10} {
		for _, fragments := range [][]int{nil, {7, 20}} {
			const messages = 1000
			r := startCompressing(t, "tunnel", func(cfg *config.Config) { cfg.ValidateUTF8 = true })
			client, server := r.compressedSession()
			message := records(size)
			up, down := bytes.Join(client.compressed(ws.OpText, message, fragments...), nil), server.encode(ws.NewTextFrame([]byte(message)))
			_ = client.conn.SetDeadline(time.Now().Add(2 * patience))
			_ = server.conn.SetDeadline(time.Now().Add(2 * patience))
			served := (&peer{conn: server.conn.(*net.TCPConn)}).answerEach(len(down)+4, down) // it comes masked
			in := make([]byte, len(down))
			echo := func(n int) {
				if _, err := client.conn.Write(up); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(client.in, in[:n]); err != nil {
					t.Fatal(err)
				}
			}
			echo(0)
			h, err := ws.ReadHeader(client.in)
			if err != nil || !h.Rsv1() {
				t.Fatalf("the first message came as %v, %v", h, err)
			}
			if _, err := io.ReadFull(client.in, in[:h.Length]); err != nil {
				t.Fatal(err)
			}
			if got, err := inflated(in[:h.Length]); err != nil || string(got) != message {
				t.Fatalf("another message came: %v", err)
			}
			echoes := func(rounds int) {
				for range rounds {
					echo(ws.HeaderSize(h) + int(h.Length)) // as long as the first one
				}
			}
			echoes(100)
			if n := fewestAllocations(messages, echoes); n > messages/stretches/10 { // what the runtime does for itself, and pools that it empties
				t.Errorf("%d bytes in %d fragments: %d allocations for %d messages each way", size, len(fragments)+1, n, messages/stretches)
			}
			_, _ = client.conn.Close(), server.conn.Close()
			<-served
		}
	}
}

// TestPressedSessionsOwnNothing while they are idle, be they fresh or after many messages that came whole.
func TestPressedSessionsOwnNothing(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		r := startCompressing(t, way, nil)
		client, server := r.compressedSession()
		for range 10 {
			client.put(client.compressed(ws.OpText, records(4096))...)
			server.want(ws.OpText, records(4096))
			server.send(ws.OpText, records(4096))
			client.want(ws.OpText, records(4096))
		}
		r.compressedSession()
		if n := gateway.SessionsWithMore(r.Gateway); n > 0 {
			t.Errorf("%s: %d of 2 idle sessions have something of their own", way, n)
		}
	}
}
