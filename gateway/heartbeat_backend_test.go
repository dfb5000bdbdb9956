package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

const backendRTTs = "weir_backend_ping_rtt_seconds_count"

// beating pings backends early, and gives them so long to answer.
func beating(timeout time.Duration) func(*config.Config) {
	return func(cfg *config.Config) {
		cfg.BackendPing, cfg.PongTimeout = 60*time.Millisecond, timeout
	}
}

// TestBackendPongs that answer the gateway stay there, all others go to the client, in order.
func TestBackendPongs(t *testing.T) {
	t.Parallel()
	eachBackend(t, beating(patience), func(t *testing.T, r *rig) {
		client, server := r.session()
		for range 3 {
			server.send(ws.OpPong, server.wantPing())
		}
		wantMetric(t, r, backendRTTs, 3)
		client.send(ws.OpPing, "8 bytes.")
		var last string
		for behind := false; last == "" || !behind; { // ours may come first
			if ping := server.wantPing(); ping == "8 bytes." {
				behind = true
			} else {
				last = ping
			}
		}
		server.send(ws.OpPong, "8 bytes.") // the client's, while ours is open
		server.send(ws.OpPing, "backend.")
		server.send(ws.OpPong, last)
		server.send(ws.OpPong, last) // twice, and late
		server.send(ws.OpPong, "")
		server.send(ws.OpText, "behind")
		client.want(ws.OpPong, "8 bytes.")
		client.want(ws.OpPing, "backend.")
		client.want(ws.OpPong, "")
		client.want(ws.OpText, "behind")
		client.send(ws.OpPong, "backend.")
		for {
			f, err := server.next()
			if err != nil {
				t.Fatal(err)
			}
			if f.Header.OpCode == ws.OpPong {
				if string(f.Payload) != "backend." {
					t.Errorf("the backend's ping is answered with %q", f.Payload)
				}
				break
			}
		}
		wantMetric(t, r, "weir_sessions_open", 1)
	})
}

// TestDeadBackend never answers: its client is told 1011, whether it is silent itself or not.
func TestDeadBackend(t *testing.T) {
	t.Parallel()
	for _, talks := range []bool{false, true} {
		eachBackend(t, beating(150*time.Millisecond), func(t *testing.T, r *rig) {
			client, server := r.session()
			began := time.Now()
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for talks {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
						_, _ = client.conn.Write(frames(0x81, "hello", 1))
					}
				}
			}()
			client.wantClose(1011)
			if took := time.Since(began); took < 200*time.Millisecond {
				t.Errorf("closed after %v", took)
			}
			close(stop)
			<-stopped
			pings := 0
			for op := ws.OpPing; op != ws.OpClose; {
				f, err := server.next()
				if op = f.Header.OpCode; err != nil {
					t.Fatal(err)
				}
				if op == ws.OpPing {
					pings++
				}
				if code, _ := ws.ParseCloseFrameData(f.Payload); op == ws.OpClose && code != 1011 {
					t.Errorf("the backend is told %d", code)
				}
			}
			if pings != 1 {
				t.Errorf("%d pings", pings)
			}
			_, _ = client.conn.Close(), server.conn.Close()
			wantMetric(t, r, ended("backend_pong_timeout", "1011"), 1)
		})
	}
}

// TestBusyBackend is never pinged: what it sends is sign enough.
func TestBusyBackend(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) { beating(time.Second)(cfg); cfg.BackendPing = time.Second }, func(t *testing.T, r *rig) {
		client, server := r.session()
		for began := time.Now(); time.Since(began) < 2500*time.Millisecond; time.Sleep(20 * time.Millisecond) {
			server.send(ws.OpText, "busy")
			client.want(ws.OpText, "busy")
		}
		if n := metric(t, r, "weir_pings_sent_total"); n != 0 {
			t.Errorf("%v pings", n)
		}
		server.wantPing() // once it is silent
	})
}

// TestBackendPingWaitsForTheFrame lets a ping fall due while a frame comes slowly from the client.
func TestBackendPingWaitsForTheFrame(t *testing.T) {
	t.Parallel()
	eachBackend(t, beating(patience), func(t *testing.T, r *rig) {
		client, server := r.session()
		server.send(ws.OpPong, server.wantPing())
		client.write("\x02\x90\x00\x00\x00\x00") // a fragment of 16 bytes
		for i := range 16 {
			time.Sleep(20 * time.Millisecond) // five intervals in all
			client.write(string(rune('a' + i)))
		}
		server.want(ws.OpBinary, "abcdefghijklmnop")
		server.send(ws.OpPong, server.wantPing()) // between two fragments is the place for it
		client.write(string(frames(0x80, "q", 1)))
		server.want(ws.OpContinuation, "q")
	})
}

// TestBlindBackends are not judged: one that is not read, since its client does not read, and one that does not take what
// it was sent.
func TestBlindBackends(t *testing.T) {
	t.Parallel()
	for _, byClient := range []bool{true, false} {
		eachBackend(t, func(cfg *config.Config) {
			beating(3 * time.Second)(cfg)
			narrow(cfg, config.SlowWait, time.Second)
		}, func(t *testing.T, r *rig) {
			client, server := r.slowSession()
			from, unit := server, someFrames()
			if byClient {
				from, unit = client, frames(0x82, strings.Repeat("x", 125), 100)
			}
			server.aliveWhile(from != server, func() {
				if _, err := from.fill(unit); err != nil {
					t.Fatal(err)
				}
			})
			time.Sleep(6500 * time.Millisecond) // more than two timeouts
			if n := metric(t, r, "weir_sessions_open"); n != 1 {
				t.Fatalf("%v sessions are open", n)
			}
		})
	}
}

// TestBothHeartbeats go on beside each other, and each side's pong is its own.
func TestBothHeartbeats(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) { beating(patience)(cfg); cfg.PingInterval = cfg.BackendPing }, func(t *testing.T, r *rig) {
		client, server := r.session()
		for range 5 {
			client.send(ws.OpPong, client.wantPing())
			server.send(ws.OpPong, server.wantPing())
		}
		wantMetric(t, r, "weir_pongs_received_total", 10)
		wantMetric(t, r, backendRTTs, 5)
		wantMetric(t, r, "weir_client_ping_rtt_seconds_count", 5)
	})
}

// TestRoundTripIsLogged where the client has answered a ping, and only there.
func TestRoundTripIsLogged(t *testing.T) {
	t.Parallel()
	for _, answers := range []bool{true, false} {
		var text logs
		b := listen(t)
		g := startLogging(t, &text, func(cfg *config.Config) {
			cfg.AccessLog, cfg.PingInterval = config.AccessText, 60*time.Millisecond
		}, b.url())
		client, server := session(t, g, b)
		ping := client.wantPing()
		if answers {
			client.send(ws.OpPong, ping)
			wantMetric(t, g, "weir_pongs_received_total", 1)
		}
		_, _ = client.conn.Close(), server.conn.Close()
		var line string
		if !eventually(func() bool {
			for line = range strings.Lines(text.String()) {
				if strings.Contains(line, "msg=close") {
					return true
				}
			}
			return false
		}) {
			t.Fatal("no line tells of the end")
		}
		if strings.Contains(line, " ping_rtt_ms=") != answers {
			t.Errorf("answers %t: %s", answers, line)
		}
	}
}
