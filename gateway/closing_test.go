package gateway_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/gateway/rate"
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
	g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = 500 * time.Millisecond }, b.url()) // which the backend lets pass
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
		cfg.IdleTimeout, cfg.CloseTimeout = time.Second, 100*time.Millisecond
	}, b.url())
	idle, idleServer := session(t, g, b)
	busyUp, busyUpServer := session(t, g, b)
	busyDown, busyDownServer := session(t, g, b)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		idle.wantClose(1001)
	}()
	for end := false; !end; {
		select {
		case <-closed:
			end = true // what is busy has outlasted it
		case <-time.After(20 * time.Millisecond):
		}
		busyUp.send(ws.OpText, "up")
		busyUpServer.want(ws.OpText, "up")
		busyDownServer.send(ws.OpText, "down")
		busyDown.want(ws.OpText, "down")
	}
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
		{"reset between frames", false, func(p *peer) { p.reset() }, "backend_lost"},
		{"reset inside a frame", true, func(p *peer) { p.reset() }, "backend_lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var text logs
			b := listen(t)
			g := startLogging(t, &text, func(cfg *config.Config) { cfg.AccessLog, cfg.CloseTimeout = config.AccessText, 500*time.Millisecond }, b.url())
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
				client.wantClose(1011)
				client.wantEnd()
			}
			_ = client.conn.Close()
			code := map[bool]string{true: "cut", false: "1011"}[c.inside]
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
		client.reset()
		if rest := server.rest(); string(rest) != last {
			t.Errorf("wanted %q, got %q", last, rest)
		}
	}
	wantMetric(t, g, "weir_client_connections", 0)
	wantMetric(t, g, `weir_sessions_closed_total{reason="client_lost",code="none"}`, 2)
}

// TestClientAnswersFirst: TCP stays open to a client until its own close frame has come, whoever began to close and why, and
// ends at once then. The close frames of the gateway tell the reason.
func TestClientAnswersFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload string
		change        func(cfg *config.Config)
		begin         func(g *rig, client, server *peer)
	}{
		{"admin", "\x0f\xa1closed_by_admin", nil, func(g *rig, _, _ *peer) { ask(t, g, "POST", "/sessions/close?ip=127.0.0.1&code=4001") }},
		{"idle", "\x03\xe9idle_timeout", func(cfg *config.Config) { cfg.IdleTimeout = 100 * time.Millisecond }, nil},
		{"pong", "\x03\xe9pong_timeout", func(cfg *config.Config) {
			cfg.PingInterval, cfg.PongTimeout = 100*time.Millisecond, 50*time.Millisecond
		}, nil},
		{"too large", "\x03\xf1message_too_large", func(cfg *config.Config) { cfg.MaxMessageSize = 125 }, func(_ *rig, client, server *peer) {
			client.send(ws.OpBinary, strings.Repeat("x", 1000))
			server.wantClose(1009)
			server.sendClose(1009)
		}},
		{"too large, with more behind it", "\x03\xf1message_too_large", func(cfg *config.Config) { cfg.MaxMessageSize = 125 }, func(_ *rig, client, server *peer) {
			large := string(client.encode(ws.NewBinaryFrame(make([]byte, 70_000))))
			client.write(large[:66_000]) // its close frame comes behind the rest
			server.wantClose(1009)
			server.sendClose(1009)
			client.write(large[66_000:])
		}},
		{"message rate", "\x03\xf0message_rate", func(cfg *config.Config) { cfg.MessageRate = rate.Limit{N: 1, Per: time.Hour, Burst: 1} }, func(_ *rig, client, _ *peer) {
			client.send(ws.OpText, "one")
			client.send(ws.OpText, "two")
		}},
		{"backend ends TCP", "\x03\xf3backend_gone", nil, func(_ *rig, _, server *peer) { _ = server.conn.Close() }},
		{"backend is reset", "\x03\xf3backend_lost", nil, func(_ *rig, _, server *peer) { server.reset() }},
		{"backend closes and ends TCP", "\x0f\xa0", nil, func(_ *rig, _, server *peer) { server.sendClose(4000); _ = server.conn.Close() }},
		{"backend breaks a rule", "\x03\xeaunknown_opcode", nil, func(_ *rig, _, server *peer) { server.write("\x83\x00") }},
		{"drain", "\x03\xe9drain", func(cfg *config.Config) { cfg.DrainTimeout = 4 * time.Second }, func(g *rig, _, _ *peer) { g.Drain() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, func(cfg *config.Config) {
				cfg.CloseTimeout = patience
				if c.change != nil {
					c.change(cfg)
				}
			}, b.url())
			client, server := session(t, g, b)
			if c.begin != nil {
				c.begin(g, client, server)
			}
			for client.peekPing() {
				_, _ = client.next()
			}
			client.want(ws.OpClose, c.payload)
			_ = client.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := client.in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("before its answer the client saw %v", err)
			}
			answer := client.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))
			client.write(string(answer[:5]))
			client.write(string(answer[5:]))
			client.wantEnd()
			_, _ = client.conn.Close(), server.conn.Close()
			if c.name != "drain" {
				wantMetric(t, g, "weir_client_connections", 0)
				wantMetric(t, g, "weir_sessions_cut_total", 0)
			}
		})
	}
}

// TestOwnCodeComesBack to a client whose close frame the backend answers with the end of TCP.
func TestOwnCodeComesBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *peer){
		"in order":   func(p *peer) { _ = p.conn.Close() },
		"by a reset": func(p *peer) { p.reset() },
		"by a fault": func(p *peer) { p.write("\x83\x00") },
	} {
		for payload, code := range map[string]string{"\x03\xe8": "1000", "\x0f\xa1bye": "4xxx", "": "1005"} {
			t.Run(name+" "+code, func(t *testing.T) {
				t.Parallel()
				b := listen(t)
				g := start(t, nil, b.url())
				client, server := session(t, g, b)
				client.send(ws.OpClose, payload)
				server.want(ws.OpClose, payload)
				end(server)
				client.want(ws.OpClose, payload[:min(2, len(payload))])
				client.wantEnd()
				_, _ = client.conn.Close(), server.conn.Close()
				wantMetric(t, g, `weir_sessions_closed_total{reason="client_close",code="`+code+`"}`, 1)
			})
		}
	}
}

// TestClosesCross: a client that closes while a drain's close frame waits for the end of a frame gets its own code back.
func TestClosesCross(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.DrainTimeout = 4 * time.Second }, b.url())
	client, server := session(t, g, b)
	server.write("\x82\x04ha")
	if _, err := client.in.Peek(4); err != nil {
		t.Fatal(err)
	}
	g.Drain()
	if !eventually(func() bool { return metric(t, g, "weir_sessions_ending") == 1 }) {
		t.Fatal("the drain told nobody")
	}
	client.send(ws.OpClose, "\x0f\xa0bye")
	server.want(ws.OpClose, "\x03\xe9drain")
	server.write("lf")
	client.want(ws.OpBinary, "half")
	client.want(ws.OpClose, "\x0f\xa0")
	client.wantEnd()
	_, _ = client.conn.Close(), server.conn.Close()
	await(t, stopped(t, g), "the end")
}

// TestCodesThatMayBeChosen for what is no fault of the client's.
func TestCodesThatMayBeChosen(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.BackendLostCode = 4014 }, b.url())
	client, server := session(t, g, b)
	_ = server.conn.Close()
	client.want(ws.OpClose, "\x0f\xaebackend_gone")
	client.sendClose(4014)
	client.wantEnd()
}
