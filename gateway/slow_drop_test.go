package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

func dropping(cfg *config.Config) { narrow(cfg, config.SlowDrop, 100*time.Millisecond) }

// TestSlowDrop stops to read, and later reads on: whole messages alone, in order, with a gap, the newest among them.
// What is missing was counted.
func TestSlowDrop(t *testing.T) {
	t.Parallel()
	eachBackend(t, dropping, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		s := newScript(t, 1, 3000)
		server.shedFrom(r, s, 500)
		came, _ := client.wantSome(s.sent, false)
		if shed := int(metric(t, r, shedMessages)); came+shed != len(s.sent) {
			t.Errorf("%d messages were sent, %d came, %d are counted as left out; %d pings were sent", len(s.sent), came, shed, s.pings)
		}
		for range 100 { // nothing is missed any more
			server.send(ws.OpText, "there")
			for op := ws.OpPing; op == ws.OpPing; {
				f, err := client.next()
				if op = f.Header.OpCode; err != nil || op != ws.OpPing && string(f.Payload) != "there" {
					t.Fatalf("opcode %d %.40q, %v", op, f.Payload, err)
				}
			}
			client.send(ws.OpText, "back")
			server.want(ws.OpText, "back")
		}
		wantMetric(t, r, "weir_buffered_bytes", 0)
	})
}

// TestSlowDropLeavesLargeMessages, which no queue takes, to their backend: it is held back, and they arrive whole.
func TestSlowDropLeavesLargeMessages(t *testing.T) {
	t.Parallel()
	eachBackend(t, dropping, func(t *testing.T, r *rig) {
		size := 32 << 20 // what the kernels keep is less
		if r.back.pool != nil {
			size = 1 << 20 // a stream's window is all, and takes a round trip each 4 KiB
		}
		client, server := r.slowSession()
		s := newScript(t, 2, 3000)
		server.shedFrom(r, s, 100)
		large := numbered(len(s.sent), size)
		s.sent = append(s.sent, large)
		wrote := make(chan error, 1)
		go func() { wrote <- server.try(inFragments(large, 64<<10)) }()
		select {
		case err := <-wrote:
			t.Fatalf("the backend is not held back: %v", err)
		case <-time.After(stall):
		}
		if n := 0.0; !eventually(func() bool { // what shedding began in goes on into the queue, beside what waits
			n = metric(t, r, "weir_buffered_bytes")
			return n <= 3*16<<10
		}) {
			t.Errorf("%v bytes are buffered", n)
		}
		came, _ := client.wantSome(s.sent, false)
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		if shed := int(metric(t, r, shedMessages)); came+shed != len(s.sent) {
			t.Errorf("%d messages were sent, %d came, %d are counted as left out", len(s.sent), came, shed)
		}
	})
}

// inFragments is a message on the wire, in frames of n bytes.
func inFragments(text string, n int) (wire []byte) {
	for op := ws.OpText; ; op = ws.OpContinuation {
		piece := text[:min(n, len(text))]
		text = text[len(piece):]
		wire = append(wire, ws.MustCompileFrame(ws.NewFrame(op, text == "", []byte(piece)))...)
		if text == "" {
			return wire
		}
	}
}

// TestSlowDropEnds in each way that a session can end. What waits goes out first, whole, and the close frame last.
func TestSlowDropEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(r *rig, server *peer)
		code ws.StatusCode
	}{
		{"backend closes", func(_ *rig, server *peer) { server.sendClose(4001) }, 4001},
		{"backend is gone", func(_ *rig, server *peer) { _ = server.conn.Close() }, 1011},
		{"drain", func(r *rig, _ *peer) { r.crowd(); r.Drain() }, 1001},
		{"admin", func(r *rig, _ *peer) { ask(r.t, r, "POST", "/sessions/close?ip=127.0.0.1") }, 1008},
		{"backend breaks a rule", func(_ *rig, server *peer) { server.write("\x83\x00") }, 1002},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachBackend(t, func(cfg *config.Config) {
				dropping(cfg)
				cfg.CloseTimeout, cfg.DrainTimeout = patience, 12*time.Second // half of which the client has to answer
			}, func(t *testing.T, r *rig) {
				client, server := r.slowSession()
				s := newScript(t, 3, 3000)
				server.shedFrom(r, s, 100)
				last := s.next()
				server.write(string(last))
				wantMetric(t, r, `weir_bytes_total{direction="down"}`, float64(s.bytes))
				c.end(r, server)
				r.wantEnding()
				shed := int(metric(t, r, shedMessages))
				came, code := client.wantSome(s.sent, true)
				if code != c.code {
					t.Errorf("closed with %d, want %d", code, c.code)
				}
				if came+shed != len(s.sent) {
					t.Errorf("%d messages were sent, %d came, %d are counted as left out", len(s.sent), came, shed)
				}
				client.sendClose(code)
				client.wantEnd()
				_, _ = client.conn.Close(), server.conn.Close()
			})
		})
	}
}

// TestSlowDropLoses its client meanwhile: nothing is kept of what waited for it.
func TestSlowDropLoses(t *testing.T) {
	t.Parallel()
	eachBackend(t, dropping, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		server.shedFrom(r, newScript(t, 4, 3000), 100)
		client.reset()
		server.rest()
		_ = server.conn.Close()
		for _, name := range []string{"weir_buffered_bytes", "weir_client_connections", "weir_sessions_open"} {
			wantMetric(t, r, name, 0)
		}
	})
}

// TestSlowDropHeartbeat does not judge a client that takes nothing, and pings it between messages once it does.
func TestSlowDropHeartbeat(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) {
		dropping(cfg)
		cfg.PingInterval, cfg.PongTimeout = 100*time.Millisecond, 1500*time.Millisecond
	}, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		s := newScript(t, 5, 3000)
		client.aliveWhile(true, func() { server.shedFrom(r, s, 1) })
		for began := time.Now(); time.Since(began) < 3500*time.Millisecond; time.Sleep(50 * time.Millisecond) { // more than two timeouts
			server.shedFrom(r, s, 1)
		}
		if n := metric(t, r, "weir_sessions_open"); n != 1 {
			t.Fatalf("%v sessions are open", n)
		}
		client.wantSome(s.sent, false)
		for {
			f, err := client.next()
			if err != nil {
				t.Fatal(err)
			}
			if f.Header.OpCode == ws.OpPing && len(f.Payload) == 8 {
				client.send(ws.OpPong, string(f.Payload))
				break
			}
		}
		wantMetric(t, r, "weir_pongs_received_total", 1)
	})
}

// TestSlowDropForbidsCompression between client and backend: what is left out would be missed by what comes later.
func TestSlowDropForbidsCompression(t *testing.T) {
	t.Parallel()
	const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
	for _, policy := range []config.SlowReader{config.SlowWait, config.SlowClose, config.SlowDrop} {
		eachBackend(t, func(cfg *config.Config) { narrow(cfg, policy, time.Second) }, func(t *testing.T, r *rig) {
			client := connect(t, r)
			client.write(handshake("/", offer))
			server := r.back.accept()
			if got := server.asked().fields.Get("Sec-WebSocket-Extensions"); (got == "") != (policy == config.SlowDrop) {
				t.Errorf("%s: the backend is offered %q", policy, got)
			}
			server.upgrade("Sec-WebSocket-Extensions: permessage-deflate")
			if got := client.wantStatus(101).fields.Get("Sec-WebSocket-Extensions"); (got == "") != (policy == config.SlowDrop) {
				t.Errorf("%s: the client is told %q", policy, got)
			}
			_, _ = client.conn.Close(), server.conn.Close()
		})
	}
}

// TestSlowDropOverTLS does the same where the gateway seals what waits.
func TestSlowDropOverTLS(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, dropping, b.url())
	client, server := e.secureSession(b)
	s := newScript(t, 6, 3000)
	server.shedFrom(e, s, 200)
	server.write(string(s.next()))
	came, _ := client.wantSome(s.sent, false)
	if shed := int(metric(t, e, shedMessages)); came+shed != len(s.sent) {
		t.Errorf("%d messages were sent, %d came, %d are counted as left out", len(s.sent), came, shed)
	}
}

// TestSlowDropTakesNoTime even where a backend has a message of tiny fragments wait, and answers pings that nobody sent.
func TestSlowDropTakesNoTime(t *testing.T) {
	t.Parallel()
	r := startWay(t, "tunnel", func(cfg *config.Config) {
		cfg.SlowReader, cfg.SlowTimeout, cfg.BackendPing = config.SlowDrop, 100*time.Millisecond, 50*time.Millisecond
	})
	_, server := r.slowSession()
	server.wantPing() // from now on pongs are looked at
	s := newScript(t, 7, 30000)
	server.shedFrom(r, s, 300)
	half := "\x01\x00" + strings.Repeat("\x00\x00", 31000) // a little less than has to wait
	server.write(half)
	wantMetric(t, r, `weir_bytes_total{direction="down"}`, float64(s.bytes+len(half)))
	const busy = `weir_loop_busy_seconds_total{loop="0"}`
	before := metric(t, r, busy)
	server.write(strings.Repeat("\x8a\x088 bytes.", 6000))
	var after float64
	for range 20 { // each waits for the loop
		after = metric(t, r, busy)
	}
	if after-before > 0.5 {
		t.Errorf("the loop was busy for %.2f s with 60 KB", after-before)
	}
}
