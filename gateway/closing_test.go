package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestCloseHandshake passes close frames untouched, from either side.
func TestCloseHandshake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, series string
		byClient     bool
	}{
		{"client", `weir_sessions_closed_total{reason="client_close",code="4xxx"}`, true},
		{"backend", `weir_sessions_closed_total{reason="backend_close",code="4xxx"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, nil, b.url())
			client, server := session(t, g, b)
			first, second := client, server
			if !c.byClient {
				first, second = server, client
			}
			first.send(ws.OpClose, "\x10\xe1bye")
			second.want(ws.OpClose, "\x10\xe1bye")
			second.send(ws.OpText, "one more")
			first.want(ws.OpText, "one more")
			second.send(ws.OpClose, "\x10\xe1seen")
			first.want(ws.OpClose, "\x10\xe1seen")
			client.wantEnd() // we are its server, and end TCP first; the backend is ours, and does it by itself
			_, _ = client.conn.Close(), server.conn.Close()
			wantMetric(t, g, c.series, 1)
			wantMetric(t, g, "weir_client_connections", 0)
		})
	}
}

// TestNothingBehindAClose is forwarded.
func TestNothingBehindAClose(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client, server := session(t, g, b)
	client.write(string(client.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))) + string(client.encode(ws.NewTextFrame([]byte("late")))))
	server.wantClose(1000)
	server.sendClose(1000)
	client.wantClose(1000)
	server.wantEnd()
	client.wantEnd()
}

// TestIdleTimeout ends a silent session on both sides, and leaves one with traffic either way alone.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		cfg.IdleTimeout, cfg.CloseTimeout = 300*time.Millisecond, 100*time.Millisecond
	}, b.url())
	idle, idleServer := session(t, g, b)
	busyUp, busyUpServer := session(t, g, b)
	busyDown, busyDownServer := session(t, g, b)
	for range 12 {
		time.Sleep(50 * time.Millisecond)
		busyUp.send(ws.OpText, "up")
		busyUpServer.want(ws.OpText, "up")
		busyDownServer.send(ws.OpText, "down")
		busyDown.want(ws.OpText, "down")
	}
	idle.wantClose(1001)
	idleServer.wantClose(1001)
	idle.wantEnd()
	idleServer.wantEnd()
	wantMetric(t, g, `weir_sessions_closed_total{reason="idle_timeout",code="1001"}`, 1)
}

// TestCloseTimeout cuts a side that never answers a close frame.
func TestCloseTimeout(t *testing.T) {
	t.Parallel()
	for _, byClient := range []bool{true, false} {
		b := listen(t)
		g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = 100 * time.Millisecond }, b.url())
		client, server := session(t, g, b)
		first, second := client, server
		if !byClient {
			first, second = server, client
		}
		began := time.Now()
		first.sendClose(1000)
		second.wantClose(1000)
		first.rest() // a backend gets an answer of ours before the end
		if took := time.Since(began); took < 90*time.Millisecond || took > 3*time.Second {
			t.Errorf("cut after %v", took)
		}
		second.rest()
		wantMetric(t, g, "weir_sessions_cut_total", 1)
		wantMetric(t, g, "weir_client_connections", 0)
	}
}

// TestClientHalfClose ends the client's direction: all it sent goes up, and what the backend still has to say
// comes down.
func TestClientHalfClose(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client, server := session(t, g, b)
	payload := strings.Repeat("h", 1<<20)
	done := make(chan error, 1)
	frame := client.encode(ws.NewTextFrame([]byte(payload)))
	go func() {
		_, err := client.conn.Write(frame)
		if err == nil {
			err = client.conn.CloseWrite()
		}
		done <- err
	}()
	server.want(ws.OpText, payload)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	server.wantEnd()
	go func() {
		_, err := server.conn.Write(ws.MustCompileFrame(ws.NewTextFrame([]byte(payload))))
		_ = server.conn.Close()
		done <- err
	}()
	client.want(ws.OpText, payload)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	_ = client.rest()
	wantMetric(t, g, "weir_client_connections", 0)
}

// TestBackendDies between frames and inside one, in order and by reset.
func TestBackendDies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		inside bool
		die    func(p *peer)
		reason string
	}{
		{"end between frames", false, func(p *peer) { _ = p.conn.Close() }, "backend_gone"},
		{"end inside a frame", true, func(p *peer) { _ = p.conn.Close() }, "backend_gone"},
		{"reset between frames", false, func(p *peer) { _ = p.conn.SetLinger(0); _ = p.conn.Close() }, "backend_lost"},
		{"reset inside a frame", true, func(p *peer) { _ = p.conn.SetLinger(0); _ = p.conn.Close() }, "backend_lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var text logs
			b := listen(t)
			g := startLogging(t, &text, func(cfg *config.Config) { cfg.AccessLog = config.AccessText }, b.url())
			client, server := session(t, g, b)
			server.send(ws.OpText, "whole")
			client.want(ws.OpText, "whole")
			if c.inside {
				server.write("\x82\x10part")
				got := make([]byte, 6)
				if _, err := client.in.Read(got); err != nil {
					t.Fatal(err)
				}
			}
			c.die(server)
			if c.inside {
				client.rest() // no close frame can be understood here
			} else {
				client.wantClose(1014)
				client.wantEnd()
			}
			_ = client.conn.Close()
			code := map[bool]string{true: "cut", false: "1014"}[c.inside]
			wantMetric(t, g, `weir_sessions_closed_total{reason="`+c.reason+`",code="`+code+`"}`, 1)
			want := map[bool]string{true: "mid_frame=true", false: "mid_frame=false"}[c.inside]
			if !eventually(func() bool { return strings.Contains(text.String(), want) }) {
				t.Errorf("no %s in\n%s", want, text.String())
			}
		})
	}
}

// TestClientDies by reset, inside a frame and between two: the backend hears the end soon.
func TestClientDies(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = 200 * time.Millisecond }, b.url())
	for _, last := range []string{"", raw(true, 0x82, "\x10", "part")} {
		client, server := session(t, g, b)
		client.write(raw(true, 0x82, "\x05", "whole") + last)
		server.want(ws.OpBinary, "whole")
		if last != "" {
			if _, err := server.in.Peek(len(last)); err != nil {
				t.Fatal(err)
			}
		}
		_ = client.conn.SetLinger(0)
		_ = client.conn.Close()
		if rest := server.rest(); string(rest) != last {
			t.Errorf("wanted %q, got %q", last, rest)
		}
	}
	wantMetric(t, g, "weir_client_connections", 0)
	wantMetric(t, g, `weir_sessions_closed_total{reason="client_lost",code="none"}`, 2)
}
