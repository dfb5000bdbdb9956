package gateway_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/upstream/accept"
)

var (
	chaosRounds = flag.Int("chaos", 1, "rounds of random sessions")
	chaosSeed   = flag.Uint64("chaos-seed", 0, "where their randomness starts; 0: somewhere")
)

const (
	chaosSessions = 100
	chaosLife     = 10 * time.Second // by when each has to be over, however busy the machine; they take about one
	ownCode       = 4000             // close codes of the ends start here, the gateway's are below
)

// TestChaos lets many clients and backends do whatever comes to their minds, and checks what each of them got: the
// other's frames in order and whole, up to where it ends, with frames of the gateway's between them and nothing
// behind a close. All sessions end, and all that is counted returns to nothing.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for round := range uint64(*chaosRounds) {
		for _, pooled := range []bool{false, true} {
			for _, drain := range []bool{false, true} {
				t.Run(fmt.Sprintf("seed=%d,pooled=%t,drain=%t", seed+round, pooled, drain), func(t *testing.T) {
					if *chaosRounds == 1 {
						t.Parallel()
					}
					chaos(t, seed+round, pooled, drain)
				})
			}
		}
	}
}

func chaos(t *testing.T, seed uint64, pooled, drain bool) {
	b := listen(t)
	var ln net.Listener = b.ln
	url := b.url()
	if pooled {
		ln, url = accept.New(b.ln, accept.Options{}), strings.Replace(url, "ws:", "h2c:", 1)
	}
	g := start(t, func(cfg *config.Config) {
		cfg.Loops, cfg.ReadBuffer, cfg.HighWater, cfg.LowWater = 2, 4<<10, 8<<10, 1<<10
		cfg.HandshakeTimeout, cfg.BackendTimeout, cfg.IdleTimeout = 300*time.Millisecond, 300*time.Millisecond, 700*time.Millisecond
		cfg.PingInterval, cfg.PongTimeout = 100*time.Millisecond, 200*time.Millisecond
		cfg.CloseTimeout, cfg.DrainTimeout = 250*time.Millisecond, 400*time.Millisecond
		cfg.ValidateUTF8 = seed%2 == 0
	}, url)
	drainAt := time.Duration(rand.New(rand.NewPCG(seed, 0)).IntN(1500)) * time.Millisecond
	var ends [chaosSessions][2]chaosEnd
	var running sync.WaitGroup
	for id := range ends {
		for side := range 2 {
			ends[id][side].rng = rand.New(rand.NewPCG(seed, uint64(2*id+side+1)))
			ends[id][side].client = side == 0
		}
	}
	running.Go(func() { serveChaos(ln, &ends, &running) })
	for id := range ends {
		running.Go(func() { ends[id][0].dial(g, id) })
	}
	if drain {
		time.Sleep(drainAt)
		began := time.Now()
		g.Drain()
		await(t, stopped(t, g), "the end")
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("the drain took %v", took)
		}
	} else {
		awaitChaos(t, g, url)
	}
	_ = ln.Close()
	running.Wait()
	for id := range ends {
		for side := range 2 {
			to, from := &ends[id][side], &ends[id][1-side]
			if err := to.judge(from.sent); err != nil {
				t.Errorf("session %d, client %t: %v", id, to.client, err)
			}
		}
	}
}

// awaitChaos waits until all clients came and went.
func awaitChaos(t *testing.T, g *rig, endpoint string) {
	wantMetric(t, g, "weir_connections_accepted_total", chaosSessions)
	for _, name := range []string{"weir_client_connections", "weir_sessions_open", "weir_sessions_ending", "weir_buffered_bytes",
		`weir_endpoint_sessions{endpoint="` + endpoint + `",route="default"}`} {
		wantMetric(t, g, name, 0)
	}
	opened, closed := metric(t, g, "weir_sessions_opened_total"), 0.0
	_, text := ask(t, g, "GET", "/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "weir_sessions_closed_total{") {
			n, _ := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
			closed += float64(n)
		}
	}
	if opened != closed || opened == 0 {
		t.Errorf("%v sessions were opened, %v closed", opened, closed)
	}
}

// serveChaos is the backend.
func serveChaos(ln net.Listener, ends *[chaosSessions][2]chaosEnd, running *sync.WaitGroup) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(chaosLife))
			if c, ok := conn.(*accept.Conn); ok {
				e := endOf(ends, c.Request().Path)
				e.start(c)
				e.serve(func(yes bool) bool {
					if !yes {
						return c.Refuse(http.StatusForbidden, nil, strings.Repeat("n", 20000)) == nil
					}
					return c.Respond(nil) == nil
				})
				return
			}
			in := bufio.NewReader(conn)
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			e := endOf(ends, r.URL.Path)
			e.start(conn)
			e.in = in
			e.serve(func(yes bool) bool {
				if !yes {
					return e.write([]byte(head("HTTP/1.1 403 Forbidden", "Content-Length: 20000") + strings.Repeat("n", 20000*e.rng.IntN(2))))
				}
				return e.write([]byte(switching(&message{fields: r.Header})))
			})
		})
	}
}

// endOf is the backend's end of the session that asked for a path.
func endOf(ends *[chaosSessions][2]chaosEnd, path string) *chaosEnd {
	id, _ := strconv.Atoi(path[1:])
	return &ends[id][1]
}

// judge holds what an end got against what the other one sent.
func (e *chaosEnd) judge(sent [][]byte) error {
	if e.err != nil {
		return e.err
	}
	closed := false
	for rest := e.got; len(rest) > 0; {
		n := e.injected(rest)
		switch {
		case closed:
			return fmt.Errorf("%d bytes behind a close frame: %.20q", len(rest), rest)
		case n > 0:
			closed = rest[0] == 0x88
		case len(sent) == 0:
			return fmt.Errorf("%d bytes more than were sent: %.20q", len(rest), rest)
		default:
			n = len(sent[0])
			if got := rest[:min(n, len(rest))]; !bytes.HasPrefix(sent[0], got) {
				return fmt.Errorf("%d bytes before the end, wanted frame %.20q, got %.20q", len(rest), sent[0], got)
			}
			closed = rest[0] == 0x88
			sent = sent[1:]
		}
		rest = rest[min(n, len(rest)):]
	}
	return nil
}

// injected is the length of a frame of the gateway's own that b begins with, 0 if there is none.
func (e *chaosEnd) injected(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case e.client && b[0] == 0x89 && b[1] == 8:
		return 10
	case e.client && b[0] == 0x88 && len(b) >= 4 && b[2] < ownCode>>8:
		return 2 + int(b[1])
	case e.client && b[0] == 0x88 && b[1] == 2 && len(b) >= 4 && e.closedWith(b[2:4]): // its own code back
		return 4
	case !e.client && b[0] == 0x88 && b[1]&0x80 != 0 && len(b) >= 8 && b[6]^b[2] < ownCode>>8:
		return 6 + int(b[1]&0x7f)
	}
	return 0
}

// closedWith tells whether the last frame that a client sent was a close frame with the code.
func (e *chaosEnd) closedWith(code []byte) bool {
	if len(e.sent) == 0 {
		return false
	}
	last := e.sent[len(e.sent)-1]
	return last[0] == 0x88 && code[0] == last[2]^last[6] && code[1] == last[3]^last[7]
}
