package upstream

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// What a connection can fail of before anybody is served by it.
func TestPoolGreetingFails(t *testing.T) {
	for name, c := range map[string]struct {
		script func(b *backend)
		reason string
		why    string // of the endpoint's state
	}{
		"closes":               {func(b *backend) { _ = b.plain().Close() }, "backend_connect_failed", ""},
		"speaks HTTP/1.1":      {func(b *backend) { _, _ = io.WriteString(b.plain(), "HTTP/1.1 400 Bad Request\r\n\r\n") }, "backend_connect_failed", "does the peer speak HTTP/2"},
		"stays silent":         {(*backend).silent, "backend_connect_timeout", "timed out"},
		"no extended CONNECT":  {func(b *backend) { greet(b.t, b.plain()).goAway(http2.ErrCodeNo) }, "backend_connect_failed", "ENABLE_CONNECT_PROTOCOL"},
		"PING before SETTINGS": {func(b *backend) { p := http2.NewFramer(b.plain(), nil); _ = p.WritePing(false, [8]byte{}) }, "backend_connect_failed", "SETTINGS"},
	} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			r := newRig(t, func(d *Dialer) {
				if name == "stays silent" {
					d.ConnectTimeout = 50 * time.Millisecond
				}
			}, b.url("h2c"))
			const rounds = 3 // as many as mark an endpoint down
			for range rounds {
				clients := r.ask(4)
				c.script(b)
				for _, client := range clients {
					client.want("refused " + c.reason)
				}
			}
			e := r.dialer.Group.Endpoints()[0]
			if n := e.Stats().ConnectFailures; n != rounds {
				t.Errorf("counts as %d failures for %d connections", n, rounds)
			}
			if state, why, _ := e.State(); state != Unhealthy || !strings.Contains(why, c.why) {
				t.Errorf("the endpoint is %s: %s", state, why)
			}
		})
	}
}

func TestPoolTriesElsewhere(t *testing.T) {
	for name, script := range map[string]func(b *backend){
		"closed":  func(b *backend) { _ = b.plain().Close() },
		"refused": func(b *backend) { p := b.accept(); p.ok(p.WriteRSTStream(p.request(), http2.ErrCodeRefusedStream)) },
		"gone away twice": func(b *backend) {
			for range 2 { // each time on another connection
				p := b.accept()
				p.request()
				p.ok(p.WriteGoAway(0, http2.ErrCodeNo, nil))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := listen(t), listen(t)
			r := newRig(t, nil, one.url("h2c"), two.url("h2c"))
			first := r.dialer.Group.First(1, nil)
			if strings.HasSuffix(first.Name, two.ln.Addr().String()) {
				one, two = two, one
			}
			c := r.ask(1)[0]
			script(one)
			p := two.accept()
			id := p.serve(1)[0]
			c.want("answer 101")
			echoes(t, p, c, id)
			if first.Active() != 0 {
				t.Errorf("the first endpoint has a load of %d", first.Active())
			}
		})
	}
}

// A connection that breaks ends its sessions at a pace; unanswered requests are refused, as they may have been acted on.
func TestLostConnection(t *testing.T) {
	const n = 3 * minSpread
	r, b, p, cs, _ := pair(t, n, func(d *Dialer) { d.Pool.Spread = 3 * spreadStep })
	asks := r.ask(1)[0]
	p.request()
	var told []time.Duration
	r.do(func() {
		for _, c := range cs {
			c.hook = func(string) { told = append(told, r.loop.Now()) }
		}
	})
	_ = p.conn.Close()
	asks.want("refused backend_closed_early")
	r.do(func() { // while they are orphans
		for _, c := range cs {
			if c.stream != nil {
				c.stream.Write([]byte("nobody is there"))
				c.stream.CloseWrite()
				c.stream.Pause()
				c.stream.Resume()
			}
		}
		atOnce := 0
		for _, at := range told {
			if at == told[0] {
				atOnce++
			}
		}
		if atOnce != minSpread {
			t.Errorf("%d were told at once, want %d", atOnce, minSpread)
		}
	})
	var gone int
	r.do(func() {
		for _, c := range cs[:n/2] { // some leave before they are told
			if c.stream != nil {
				c.close()
				gone++
			}
		}
	})
	r.await("all are told", func() bool { return len(told)+gone == n })
	if first, last := told[0], told[len(told)-1]; last-first < spreadStep {
		t.Errorf("all were told within %v", last-first)
	}
	if st := r.stats(); st.Streams != 0 || st.Lost != 1 || st.Connections != 0 {
		t.Errorf("stats %+v", st)
	}
	c := r.ask(1)[0]
	b.accept().serve(1)
	c.want("answer 101")
}

func TestKeepAlive(t *testing.T) {
	r, _, p, cs, ids := pair(t, 1, func(d *Dialer) { d.Pool.PingInterval, d.Pool.PingTimeout = time.Nanosecond, 50*time.Millisecond })
	upkeep := func() { r.do(func() { r.links.OnTimer(nil) }) }
	upkeep()
	ping := find(p, func(f *http2.PingFrame) bool { return !f.IsAck() })
	p.ok(p.WritePing(true, ping.Data))
	r.await("the answer is heard", func() bool { return r.pool().conns[0].pingAt == 0 })
	p.ok(p.WriteGoAway(ids[0], http2.ErrCodeNo, nil)) // one that is leaving is looked after as well
	r.await("it leaves", func() bool { return r.pool().conns[0].state == leaving })
	upkeep()
	find(p, func(f *http2.PingFrame) bool { return true })
	r.await("the connection is given up", func() bool { r.links.OnTimer(nil); return len(r.pool().conns) == 0 })
	cs[0].want("lost")
	if n := r.dialer.Group.Endpoints()[0].Stats().ConnectFailures; n != 1 {
		t.Errorf("counts as %d failures, want 1", n)
	}
}

func TestWarmAndIdle(t *testing.T) {
	b := listen(t)
	r := newRig(t, func(d *Dialer) { d.Pool.Min, d.Pool.Idle, d.Pool.MaxStreams = 1, time.Nanosecond, 1 }, b.url("h2c"))
	r.do(r.links.Warm)
	p := b.accept()
	r.await("the connection is ready", func() bool { return r.links.stats.Connections == 1 })
	cs := r.ask(2)
	p.serve(1)
	q := b.accept()
	q.serve(1)
	cs[0].want("answer 101")
	cs[1].want("answer 101")
	r.do(cs[0].close)
	r.do(cs[1].close)
	r.await("it is down to the minimum", func() bool { r.links.OnTimer(nil); return len(r.pool().conns) == 1 })
	r.do(func() { r.links.OnTimer(nil) })
	if st := r.stats(); st.Connections != 1 {
		t.Errorf("%d connections stay, want 1", st.Connections)
	}
	find(p, func(f *http2.GoAwayFrame) bool { return f.ErrCode == http2.ErrCodeNo })
}

// An endpoint that the group no longer has keeps no connections, and its pool is forgotten.
func TestPoolOfAFormerEndpoint(t *testing.T) {
	b := listen(t)
	r := newRig(t, func(d *Dialer) { d.Pool.Min, d.Pool.Idle = 1, time.Nanosecond }, b.url("h2c"))
	r.do(r.links.Warm)
	p := b.accept()
	r.await("the connection is ready", func() bool { return r.links.stats.Connections == 1 })
	g := r.dialer.Group
	was := g.current.Load()
	g.current.Store(&snapshot{table: was.table})
	r.await("the pool is forgotten", func() bool { r.links.OnTimer(nil); return len(r.links.pools) == 0 })
	p.goAway(http2.ErrCodeNo)
	g.current.Store(was)
}

// Where tunnels are allowed too, an endpoint without extended CONNECT is served by them, and that is remembered.
func TestTunnelsInsteadOfPool(t *testing.T) {
	for name, script := range map[string]func(b *backend){
		"no extended CONNECT": func(b *backend) { greet(b.t, b.plain()) },
		"speaks HTTP/1.1":     func(b *backend) { _, _ = io.WriteString(b.plain(), "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"closes":              func(b *backend) { _ = b.plain().Close() },
		"stays silent":        (*backend).silent,
	} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			r := newRig(t, func(d *Dialer) {
				if name == "stays silent" {
					d.ConnectTimeout = time.Second // the tunnels have to be made in it
				}
			}, b.url("ws+h2c"))
			cs := r.ask(2)
			script(b)
			for range 2 {
				if _, err := upgrade(b.plain()); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range append(cs, r.ask(1)...) {
				if c == cs[0] || c == cs[1] {
					c.want("answer 101")
					continue
				}
				if _, err := upgrade(b.plain()); err != nil {
					t.Fatal(err)
				}
				c.want("answer 101")
			}
			if n := r.dialer.Group.Endpoints()[0].Stats().ConnectFailures; n != 0 {
				t.Errorf("counts as %d failures", n)
			}
		})
	}
}

// One that was pooled before is not thought to be another kind because a connection fails.
func TestPooledEndpointStaysPooled(t *testing.T) {
	b := listen(t)
	r := newRig(t, nil, b.url("ws+h2c"))
	c := r.ask(1)[0]
	p := b.accept()
	p.serve(1)
	c.want("answer 101")
	_ = p.conn.Close()
	c.want("lost")
	c = r.ask(1)[0]
	_ = b.plain().Close()
	c.want("refused backend_connect_failed")
	c = r.ask(1)[0]
	b.accept().serve(1)
	c.want("answer 101")
}

func TestPoolAttemptTimesOut(t *testing.T) {
	b := listen(t)
	r := newRig(t, func(d *Dialer) { d.AnswerTimeout = 30 * time.Millisecond }, b.url("h2c"))
	c := r.ask(1)[0]
	p := b.accept()
	id := p.request()
	c.want("refused backend_answer_timeout")
	p.reset(id, http2.ErrCodeCancel)
	p.headers(id, false, ":status", "200") // too late: passed over
	r.do(func() { r.dialer.AnswerTimeout = patience })
	c = r.ask(1)[0]
	p.serve(1)
	c.want("answer 101")
}

// A pooled attempt may be given up at any stage.
func TestPoolCancel(t *testing.T) {
	b := listen(t)
	r := newRig(t, nil, b.url("h2c"))
	connecting := r.ask(1)[0]
	r.do(connecting.close)
	conn := b.plain()
	greeted := r.ask(1)[0]
	r.do(greeted.close)
	p := greet(t, conn, offer)
	asked := r.ask(1)[0]
	id := p.request()
	r.do(asked.close)
	p.reset(id, http2.ErrCodeCancel)
	inside := r.ask(2)
	r.do(func() { inside[0].hook = func(string) { inside[1].close() } }) // from inside another's call
	one := p.request()
	two := p.request()
	p.headers(one, false, ":status", "200")
	inside[0].want("answer 101")
	p.reset(two, http2.ErrCodeCancel)
}
