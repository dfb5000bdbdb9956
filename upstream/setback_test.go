package upstream

import (
	"io"
	"strings"
	"testing"
	"time"

	"weir/netpoll"
)

// TestLastError: each failure is told from the first one on, and a new one even where the state stays.
func TestLastError(t *testing.T) {
	p := newPatient(true)
	for events, want := range map[string]string{"c": "check: refused", "ck": "connect: refused", "kC": "connect: refused", "CK": ""} {
		p = newPatient(true)
		p.do(events)
		if got, at := p.LastError(); got != want || at.IsZero() != (want == "") {
			t.Errorf("after %s: %q at %v, want %q", events, got, at, want)
		}
	}
}

// TestLossIsTold: pooled connections that break with sessions on them are told of in one call, others not at all.
func TestLossIsTold(t *testing.T) {
	type loss struct {
		connections, sessions int
		reason                string
	}
	told := make(chan loss, 8)
	b := listen(t)
	r := newRigWith(t, func(d *Dialer) { d.Pool.MaxStreams = 2; d.Pool.Spread = spreadStep }, Options{
		OnLost: func(_ *Endpoint, connections, sessions int, reason string) {
			told <- loss{connections, sessions, reason}
		}}, b.url("h2c"))
	r.dialer.Group.Start()
	var peers []*peer
	for range 2 {
		clients := r.ask(2)
		p := b.accept()
		p.serve(2)
		peers = append(peers, p)
		for _, c := range clients {
			c.want("answer 101")
		}
	}
	for _, p := range peers {
		_ = p.conn.Close()
	}
	select {
	case l := <-told:
		if l.connections != 2 || l.sessions != 4 || l.reason == "" {
			t.Errorf("told of %+v", l)
		}
	case <-time.After(patience):
		t.Fatal("nobody was told")
	}
	if why, _ := r.dialer.Group.Endpoints()[0].LastError(); !strings.HasPrefix(why, "lost: ") {
		t.Errorf("the last error is %q", why)
	}
	if len(told) > 0 {
		t.Errorf("told again: %+v", <-told)
	}
}

// TestTrail: whoever is refused can say where, and of what.
func TestTrail(t *testing.T) {
	b := listen(t)
	_ = b.ln.Close()
	for _, scheme := range []string{"ws", "h2c"} {
		r := newRig(t, nil, b.url(scheme))
		c, q := r.newClient(), request()
		q.Trail = new(Trail)
		r.do(func() { r.open(c, q) })
		c.want("refused backend_connect_failed")
		r.do(func() {
			if q.Trail.Endpoint != r.dialer.Group.Endpoints()[0] || !strings.Contains(q.Trail.Reason, "refused") {
				t.Errorf("%s: the trail is %+v", scheme, *q.Trail)
			}
		})
	}
}

// TestFallBackOnTwoLoops: both find out at once that the endpoint speaks HTTP/1.1, which is no failure to connect.
func TestFallBackOnTwoLoops(t *testing.T) {
	b := listen(t)
	r := newRig(t, func(d *Dialer) { d.Pool.Min = 1 }, b.url("ws+h2c"))
	loop, err := netpoll.Start(1, netpoll.Options{ReadBuffer: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Stop()
	e, other := r.dialer.Group.Endpoints()[0], r.dialer.On(loop, new(PoolStats))
	if got := e.Protocol(); got != "" {
		t.Errorf("at first it speaks %q", got)
	}
	r.do(r.links.Warm)
	first := b.plain()
	_ = loop.Do(other.Warm)
	second := b.plain()
	for _, conn := range []io.Writer{first, second} {
		if _, err := io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	r.await("both connections are gone", func() bool {
		left := 0
		_ = loop.Do(func() { left = len(other.pool(e).conns) })
		return left+len(r.pool().conns) == 0
	})
	if n := e.Stats().ConnectFailures; n != 0 {
		t.Errorf("counts as %d failures", n)
	}
	if why, _ := e.LastError(); why != "" || e.Protocol() != "http/1.1" {
		t.Errorf("it speaks %q, the last error is %q", e.Protocol(), why)
	}
	_ = loop.Do(other.Close)
}
