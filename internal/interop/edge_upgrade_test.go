package interop

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestUpgradeBehind: a WebSocket's handshake that comes with other requests in front and its first frames behind, in one
// piece or in many. The frames wait for the backend's 101.
func TestUpgradeBehind(t *testing.T) {
	t.Parallel()
	for _, pieces := range []bool{false, true} {
		r := startRecorder(t)
		p := startBinary(t, 0, "--upstream", "ws://"+r.ln.Addr().String(), "--health-interval", "0", "--close-timeout", "100ms", "--drain-timeout", "1s")
		frames := append(maskedFrame(ws.NewTextFrame([]byte(hidden))), maskedFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))...)
		for n := range 4 { // requests in front
			conn := dialFrom(t, "127.0.0.1", p.Addr)
			text := strings.Repeat("POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", n) + askWS + string(frames)
			if pieces {
				inPieces(conn, text)
			} else {
				_, _ = io.WriteString(conn, text)
			}
			want := strings.Repeat("200 ", n) + "101"
			if got := statuses(string(rest(t, conn))); got != want {
				t.Errorf("%d in front, answered with %s, want %s", n, got, want)
			}
		}
		p.terminate(t)
		streams := 0
		for _, seen := range r.all() {
			if seen.fault != nil || seen.target != "/plain" && seen.target != "/ws" {
				t.Errorf("the backend saw %q, %v", seen.raw, seen.fault)
			}
			if _, stream, _ := strings.Cut(seen.raw, "\r\n\r\n"); seen.target == "/ws" {
				streams++
				if !strings.HasPrefix(stream, string(frames)) {
					t.Errorf("behind its 101 the backend got %q, want %q", stream, frames)
				}
			}
		}
		if streams != 4 {
			t.Errorf("%d of 4 WebSockets came through", streams)
		}
	}
}

func maskedFrame(f ws.Frame) []byte {
	b, _ := ws.CompileFrame(ws.MaskFrame(f))
	return b
}

// TestRequestForFrames: who sends requests where frames belong has no request seen, before and behind the 101.
func TestRequestForFrames(t *testing.T) {
	t.Parallel()
	r := startRecorder(t)
	p := startBinary(t, 0, "--upstream", "ws://"+r.ln.Addr().String(), "--health-interval", "0", "--close-timeout", "100ms", "--drain-timeout", "1s")
	for _, before := range []string{"", "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n"} {
		conn := dialFrom(t, "127.0.0.1", p.Addr)
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, before+askWS+strings.ReplaceAll(hidden, "@", ""))
		rest(t, conn)
	}
	p.terminate(t)
	for _, seen := range r.all() {
		if strings.Contains(seen.raw, "smuggled") || seen.fault != nil {
			t.Errorf("the backend saw %q, %v", seen.raw, seen.fault)
		}
	}
}
