package gateway_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/config"
)

// stopped is closed when Wait has returned.
func stopped(t testing.TB, g interface{ Wait() error }) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	}()
	return done
}

func await(t testing.TB, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal(what, "never came")
	}
}

// TestDrainIsPaced closes 50 sessions, spread over the window and not in one stroke. Each side is told.
func TestDrainIsPaced(t *testing.T) {
	t.Parallel()
	for _, code := range []ws.StatusCode{1001, 1012} {
		paced(t, 0, 50, func(cfg *config.Config) { cfg.Loops, cfg.DrainCode = 2, int(code) }, code)
	}
}

// TestDrainPacesTheLiving: sessions that are ending already do not count, wherever they are in the list.
func TestDrainPacesTheLiving(t *testing.T) {
	t.Parallel()
	paced(t, 30, 10, func(*config.Config) {}, 1001)
}

// paced drains a gateway that has some sessions that are ending and some that live, and wants the end of the latter spread
// over the window. A busy machine may spoil what is seen of it, but not three times.
func paced(t *testing.T, ending, living int, change func(*config.Config), code ws.StatusCode) {
	t.Helper()
	var wrong string
	for range 3 {
		const window = time.Second // the drain timeout less the close timeout
		b := listen(t)
		g := start(t, func(cfg *config.Config) { cfg.DrainTimeout, cfg.CloseTimeout = 2*window, window; change(cfg) }, b.url())
		for range ending {
			client, server := session(t, g, b)
			client.sendClose(1000) // which the backend never answers
			server.wantClose(1000)
		}
		closedAt := make(chan time.Duration, living)
		var began time.Time
		ready := make(chan struct{})
		for range living {
			client, server := session(t, g, b)
			go func() {
				<-ready
				client.wantClose(code)
				closedAt <- time.Since(began)
				client.sendClose(code)
				server.wantClose(code)
				_ = server.conn.Close()
			}()
		}
		began = time.Now()
		close(ready)
		g.Drain()
		var times []time.Duration
		for range living {
			select {
			case at := <-closedAt:
				times = append(times, at)
			case <-time.After(patience):
				t.Fatalf("only %d sessions were closed", len(times))
			}
		}
		await(t, stopped(t, g), "the end")
		slices.Sort(times)
		first, half, last := times[0], times[living/2], times[living-1]
		if first <= window*7/10 && last >= window*3/4 && half >= window/4 { // how late they may be is TestPace's
			return
		}
		wrong = fmt.Sprintf("the first was closed after %v, half after %v, the last after %v, in a window of %v", first, half, last, window)
	}
	t.Error(wrong)
}

// TestDrainTellsBackend what the client was told, behind the client's last message.
func TestDrainTellsBackend(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.DrainTimeout = 4 * time.Second }, b.url())
	client, server := session(t, g, b)
	g.Drain()
	client.want(ws.OpClose, "\x03\xe9drain")
	client.send(ws.OpText, "the last word")
	client.sendClose(4000)
	server.want(ws.OpText, "the last word")
	server.want(ws.OpClose, "\x03\xe9drain")
	client.wantEnd()
	_, _ = client.conn.Close(), server.conn.Close()
	await(t, stopped(t, g), "the end")
}

// TestDrainKeepsFramesWhole closes sessions whose backend does not stop sending. The close frame stands behind a
// whole frame, and nothing behind it.
func TestDrainKeepsFramesWhole(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		cfg.DrainTimeout, cfg.CloseTimeout = 4*time.Second, patience // closed within half of it
	}, b.url())
	client, server := session(t, g, b)
	unit := pattern(server)
	go func() {
		for {
			if _, err := server.conn.Write(unit); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	for i := 0; ; i++ {
		f, err := client.next()
		if err != nil {
			t.Fatal(err)
		}
		if f.Header.OpCode == ws.OpClose {
			break
		}
		if len(f.Payload) != 10007 {
			t.Fatalf("a frame of %d bytes", len(f.Payload))
		}
		if i == 10 {
			g.Drain()
		}
	}
	client.sendClose(1001)
	server.wantClose(1001)
	client.wantEnd()
	await(t, stopped(t, g), "the end")
}

// TestDrainTurnsAway new clients and tells those who ask, while sessions that stand go on until their turn.
func TestDrainTurnsAway(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.DrainTimeout, cfg.CloseTimeout = 8*time.Second, patience }, b.url())
	client, server := session(t, g, b)
	waiting := connect(t, g)
	asking := connect(t, g)
	asking.write(handshake("/"))
	late := b.accept()
	if status, body := ask(t, g, "GET", "/readyz"); status != 200 {
		t.Errorf("not ready before: %d %s", status, body)
	}
	if status, body := ask(t, g, "GET", "/health"); status != 200 || body != `{"status":"healthy","connections":2}`+"\n" {
		t.Errorf("health before: %d %s", status, body)
	}
	done := stopped(t, g)
	if status, _ := ask(t, g, "POST", "/drain"); status != 202 {
		t.Errorf("POST /drain: %d", status)
	}
	if status, _ := ask(t, g, "GET", "/readyz"); status != 503 {
		t.Errorf("ready while draining: %d", status)
	}
	if status, body := ask(t, g, "GET", "/health"); status != 503 || !strings.HasPrefix(body, `{"status":"draining","connections":`) {
		t.Errorf("health while draining: %d %s", status, body)
	}
	if status, _ := ask(t, g, "GET", "/healthz"); status != 200 {
		t.Errorf("not alive while draining: %d", status)
	}
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", g.Addrs()[0].String())
		if err == nil {
			_ = conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}) {
		t.Error("new connections are still taken")
	}
	client.send(ws.OpText, "there")
	server.want(ws.OpText, "there")
	waiting.write(handshake("/"))
	waiting.wantStatus(503)
	late.upgrade() // a session that comes to stand during the drain is closed too
	asking.wantStatus(101)
	for _, p := range []*peer{client, asking} {
		p.wantClose(1001)
		p.sendClose(1001)
	}
	for _, p := range []*peer{server, late} {
		p.wantClose(1001)
		_ = p.conn.Close()
	}
	await(t, done, "the end")
}

// TestDrainCuts what does not end by itself, in time, and counts it. The backends are told.
func TestDrainCuts(t *testing.T) {
	t.Parallel()
	var text logs
	b := listen(t)
	g := startLogging(t, &text, func(cfg *config.Config) {
		cfg.DrainTimeout, cfg.CloseTimeout, cfg.AccessLog = 300*time.Millisecond, 5*time.Second, config.AccessText
	}, b.url())
	_, server := session(t, g, b) // the client never answers
	halfway, other := session(t, g, b)
	other.write("\x82\x10part") // never a frame boundary
	began := time.Now()
	g.Drain()
	g.Drain() // asked twice, it goes on
	await(t, stopped(t, g), "the end")
	if took := time.Since(began); took < 250*time.Millisecond || took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	server.wantClose(1001)
	server.wantEnd()
	if got := string(halfway.rest()); got != "\x82\x10part" {
		t.Errorf("the client in a frame got %q", got)
	}
	if !strings.Contains(text.String(), "cut=2") || strings.Count(text.String(), "reason=drain") != 2 {
		t.Errorf("not told of in\n%s", text.String())
	}
}

// TestDrainTellsLate: sessions that a busy machine leaves no time for until the drain is over are told all the same, and have
// the time to answer.
func TestDrainTellsLate(t *testing.T) {
	t.Parallel()
	var text logs
	b := listen(t)
	g := startLogging(t, &text, func(cfg *config.Config) {
		cfg.Loops, cfg.DrainTimeout, cfg.CloseTimeout = 2, 2*time.Second, time.Minute // a second is for answers
	}, b.url())
	var clients, servers []*peer
	for range 20 {
		client, server := session(t, g, b)
		clients, servers = append(clients, client), append(servers, server)
	}
	done := stopped(t, g)
	g.Drain()
	gateway.Stall(g.Gateway, 2500*time.Millisecond)
	for i, client := range clients {
		client.wantClose(1001)
		client.sendClose(1001)
		servers[i].wantClose(1001)
		servers[i].sendClose(1001)
		client.wantEnd()
		_, _ = client.conn.Close(), servers[i].conn.Close()
	}
	await(t, done, "the end")
	if _, cut, _ := strings.Cut(text.String(), "msg=drained cut="); len(strings.TrimSpace(cut)) > 1 { // ten and more
		t.Errorf("clients had no time to answer: %s were cut", cut)
	}
}

// TestDrainTellsTheSilent client that it need not go on.
func TestDrainTellsTheSilent(t *testing.T) {
	t.Parallel()
	g := start(t, nil, listen(t).url())
	client := connect(t, g)
	wantMetric(t, g, "weir_client_connections", 1)
	g.Drain()
	client.wantStatus(503)
	_ = client.conn.Close()
	await(t, stopped(t, g), "the end")
}

// TestDrainOfNothing ends at once.
func TestDrainOfNothing(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) { cfg.DrainTimeout = time.Hour }, listen(t).url())
	g.Drain()
	await(t, stopped(t, g), "the end")
}

// crowd opens sessions behind those that are there. A drain, which spreads the ends of all, has the first come soon then.
func (r *rig) crowd() (leave func()) {
	r.t.Helper()
	var all []*peer
	for range 12 {
		client, server := r.session()
		all = append(all, client, server)
	}
	return func() {
		for _, p := range all {
			_ = p.conn.Close()
		}
	}
}

// wantEnding waits until sessions are being closed.
func (r *rig) wantEnding() {
	r.t.Helper()
	if !eventually(func() bool { return metric(r.t, r, "weir_sessions_ending") > 0 }) {
		r.t.Fatal("no session is being closed")
	}
}
