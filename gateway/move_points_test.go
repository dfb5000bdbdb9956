package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// What may happen at the points of a move.

// TestMovesInARow: backends that end a session as soon as they have it may do so three times. Then the client is told, in a
// close frame that is whole.
func TestMovesInARow(t *testing.T) {
	t.Parallel()
	eachMoving(t, nil, func(t *testing.T, m *moving) {
		client, server := m.session()
		for n, to := range []*backend{m.second, m.first, m.second} {
			talk(client, server)
			server.sendClose(1001)
			server.wantClose(1001)
			_ = server.conn.Close()
			server = to.accept()
			if got := server.upgrade("Sec-WebSocket-Protocol: chat").fields.Get("Weir-Reopen"); got != fmt.Sprintf("%d; reason=backend_close", n+1) {
				t.Errorf("told %q", got)
			}
		}
		talk(client, server)
		server.sendClose(1001)
		client.wantClose(1001)
	})
}

// TestMovesPastRates: a client that a rate holds back most of the time is moved all the same, and stays in its rate.
func TestMovesPastRates(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) {
		cfg.MessageRate, cfg.RateAction = limit(t, "1/2s burst 1"), config.RatePause
	}, func(t *testing.T, m *moving) {
		client, server := m.session()
		for n := range 3 {
			client.send(ws.OpText, fmt.Sprint(n))
		}
		server.want(ws.OpText, "0")
		m.drainFirst()
		next := m.accepts("manual")
		server.wantClose(1001)
		server.sendClose(1001)
		_ = server.conn.Close()
		next.want(ws.OpText, "1")
		next.want(ws.OpText, "2")
	})
}

// TestSilentBackendIsLeft: one that answers no pings any more is as good as lost.
func TestSilentBackendIsLeft(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) { cfg.BackendPing, cfg.PongTimeout = 50*time.Millisecond, 100*time.Millisecond },
		func(t *testing.T, m *moving) {
			client, server := m.session()
			server.peekSome()
			next := m.accepts("backend_lost")
			answerPings(next)
			client.send(ws.OpText, "up")
			next.want(ws.OpText, "up")
		})
}

// answerPings sends pongs to the pings that no test reads, as the gateway then knows that the backend lives.
func answerPings(p *peer) {
	go func() {
		for p.try(ws.MustCompileFrame(ws.NewPongFrame(nil))) == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}()
}

// TestOldBackendThatDoesNotEnd: between its close frame and its end nobody asks whether it lives, and it has close-timeout.
func TestOldBackendThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) {
		cfg.BackendPing, cfg.PongTimeout, cfg.CloseTimeout = 20*time.Millisecond, 50*time.Millisecond, 500*time.Millisecond
	}, func(t *testing.T, m *moving) {
		client, server := m.session()
		answerPings(server)
		m.drainFirst()
		next := m.accepts("manual")
		answerPings(next)
		for { // pings, then our close frame, and nothing behind it
			f, err := server.next()
			if err != nil {
				t.Fatal(err)
			}
			if f.Header.OpCode == ws.OpClose {
				break
			}
		}
		if f, err := server.next(); err == nil {
			t.Errorf("opcode %d follows a close frame", f.Header.OpCode)
		}
		client.send(ws.OpText, "up")
		for {
			f, err := next.next()
			if err != nil {
				t.Fatal(err)
			}
			if f.Header.OpCode == ws.OpText {
				break
			}
		}
	})
}

// TestSlowClientIsMoved: what the old backend has said is the client's, however long that takes to read it.
func TestSlowClientIsMoved(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) {
		narrow(cfg, config.SlowWait, patience)
		cfg.CloseTimeout = time.Second
	}, func(t *testing.T, m *moving) {
		client, server := m.sessionOf(m.slow())
		const count = 60
		text := strings.Repeat("x", 40_000)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range count {
				if server.try(ws.MustCompileFrame(ws.NewTextFrame([]byte(text)))) != nil {
					return
				}
			}
			_ = server.try(ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, ""))))
		}()
		if !eventually(func() bool { return metric(t, m.rig, "weir_buffered_bytes") > 0 }) {
			t.Error("the client is not slow")
		}
		m.drainFirst()
		next := m.accepts("manual")
		client.want(ws.OpText, text) // a boundary is behind one
		server.wantClose(1001)
		time.Sleep(2500 * time.Millisecond) // longer than close-timeout
		for n := range count - 1 {
			if f, err := client.next(); err != nil || string(f.Payload) != text {
				t.Fatalf("message %d: %v", n+1, err)
			}
		}
		<-done
		_ = server.conn.Close()
		talk(client, next)
	})
}

// TestOldBackendsOwnCode: an old backend may say for itself why the session ends, before it has heard that it is left.
func TestOldBackendsOwnCode(t *testing.T) {
	t.Parallel()
	eachMoving(t, nil, func(t *testing.T, m *moving) {
		client, server := m.session()
		m.drainFirst()
		m.accepts("manual")
		server.wantClose(1001)
		server.sendClose(4001)
		_ = server.conn.Close()
		client.wantClose(4001)
	})
}

// TestNewBackendFailsAtOnce: where there is no way back, another one is tried.
func TestNewBackendFailsAtOnce(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) { cfg.CloseTimeout = patience }, func(t *testing.T, m *moving) {
		client, server := m.session()
		m.drainFirst()
		next := m.accepts("manual")
		server.wantClose(1001)
		client.send(ws.OpText, "up")
		next.reset()
		wantMetric(t, m.rig, `weir_moves_total{reason="manual",outcome="moved"}`, 0)
		server.send(ws.OpText, "last")
		server.sendClose(1001)
		_ = server.conn.Close()
		client.want(ws.OpText, "last")
		next = m.second.accept()
		next.upgrade("Sec-WebSocket-Protocol: chat")
		next.want(ws.OpText, "up")
		talk(client, next)
	})
}

// TestNewBackendEndsInsteadOfAnswering: likewise.
func TestNewBackendEndsInsteadOfAnswering(t *testing.T) {
	t.Parallel()
	eachMoving(t, nil, func(t *testing.T, m *moving) {
		client, server := m.session()
		server.reset()
		asked := m.second.accept()
		asked.asked()
		asked.reset()
		next := m.second.accept()
		next.upgrade("Sec-WebSocket-Protocol: chat")
		talk(client, next)
	})
}
