package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// pinged runs a gateway that pings early.
func pinged(t testing.TB, b *backend, timeout time.Duration) *rig {
	return start(t, func(cfg *config.Config) {
		cfg.PingInterval, cfg.PongTimeout, cfg.CloseTimeout = 60*time.Millisecond, timeout, 100*time.Millisecond
	}, b.url())
}

// wantPing reads one of the gateway's pings and returns its payload.
func (p *peer) wantPing() string {
	p.t.Helper()
	f, err := p.next()
	if err != nil || f.Header.OpCode != ws.OpPing || len(f.Payload) != 8 {
		p.t.Fatalf("wanted a ping of the gateway's, got opcode %d %.40q, error %v", f.Header.OpCode, f.Payload, err)
	}
	return string(f.Payload)
}

// TestPongs that answer the gateway stay there, all others go to the backend, in order.
func TestPongs(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := pinged(t, b, patience)
	client, server := session(t, g, b)
	for range 3 {
		client.send(ws.OpPong, client.wantPing())
	}
	last := client.wantPing()
	client.write(string(client.encode(ws.NewTextFrame([]byte("before")))) + string(client.encode(ws.NewPongFrame([]byte(last))))) // one read: the text is an answer, too
	client.send(ws.OpPong, last)                                                                                                  // twice, and late
	client.send(ws.OpPong, "foreign!")
	client.send(ws.OpPong, "")
	client.send(ws.OpPing, last)
	server.want(ws.OpText, "before")
	server.want(ws.OpPong, "foreign!")
	server.want(ws.OpPong, "")
	server.want(ws.OpPing, last)
	wantMetric(t, g, "weir_pongs_received_total", 4)
}

// TestPingWaitsForTheFrame lets a ping fall due while a frame comes slowly from the backend.
func TestPingWaitsForTheFrame(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := pinged(t, b, patience)
	client, server := session(t, g, b)
	client.send(ws.OpPong, client.wantPing())
	server.write("\x02\x10") // a fragment of 16 bytes
	for i := range 16 {
		time.Sleep(20 * time.Millisecond) // five intervals in all
		server.write(string(rune('a' + i)))
	}
	client.want(ws.OpBinary, "abcdefghijklmnop")
	client.send(ws.OpPong, client.wantPing()) // between two fragments is the place for it
	server.write("\x80\x01q")
	client.want(ws.OpContinuation, "q")
}

// TestDeadClient never answers: it is closed, and so is its backend's side.
func TestDeadClient(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := pinged(t, b, 100*time.Millisecond)
	client, server := session(t, g, b)
	client.wantPing()
	client.wantClose(1001)
	server.wantClose(1001)
	client.wantEnd()
	server.wantEnd()
	wantMetric(t, g, `weir_sessions_closed_total{reason="pong_timeout",code="1001"}`, 1)
}

// TestAnySignOfLife counts as an answer.
func TestAnySignOfLife(t *testing.T) {
	t.Parallel()
	b := listen(t)
	const timeout = time.Second
	g := pinged(t, b, timeout)
	client, server := session(t, g, b)
	for began := time.Now(); time.Since(began) < 2*timeout; {
		client.wantPing()
		client.send(ws.OpText, "alive")
		server.want(ws.OpText, "alive")
	}
	if n := metric(t, g, "weir_sessions_open"); n != 1 {
		t.Errorf("%v sessions are open", n)
	}
}

// aliveWhile has a peer say something now and then while it is not blind yet, so that it is not taken for dead; one that
// sends all the time need not.
func (p *peer) aliveWhile(silent bool, do func()) {
	p.t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for silent {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_ = p.try(p.encode(ws.NewPongFrame(nil)))
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	do()
}

// TestBlindClients are not judged: one that is not read, since its backend does not read, and one that does not
// take what it was sent.
func TestBlindClients(t *testing.T) {
	t.Parallel()
	for _, byClient := range []bool{true, false} {
		t.Run(fmt.Sprintf("by client %t", byClient), func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := pinged(t, b, 3*time.Second)
			client, server := session(t, g, b)
			from, to := client, server
			if !byClient {
				from, to = server, client
			}
			client.aliveWhile(from != client, func() { from.stuff(to, pattern(from)) })
			time.Sleep(6500 * time.Millisecond) // more than two timeouts
			if n := metric(t, g, "weir_sessions_open"); n != 1 {
				t.Fatalf("%v sessions are open", n)
			}
		})
	}
}
