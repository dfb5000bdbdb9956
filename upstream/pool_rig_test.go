package upstream

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"weir/codec/http1"
	"weir/netpoll"
)

const patience = time.Minute // for events that come at once unless something is broken

// rig is a real loop with links to scripted endpoints. When a test is over it asserts that nothing is left.
type rig struct {
	t       testing.TB
	dialer  *Dialer
	loop    *netpoll.Loop
	links   *Links
	clients []*client
}

func newRig(t testing.TB, change func(*Dialer), urls ...string) *rig {
	t.Helper()
	return newRigWith(t, change, Options{TLS: trusted.client()}, urls...)
}

func newRigWith(t testing.TB, change func(*Dialer), o Options, urls ...string) *rig {
	t.Helper()
	var specs []Spec
	for _, u := range urls {
		spec, err := ParseSpec(u)
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, spec)
	}
	o.Panic = true
	group, err := NewGroup(specs, o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dialer: &Dialer{
		Group: group, Retries: 2, ConnectTimeout: patience, AnswerTimeout: patience,
		Limits: http1.Limits{Head: 16 << 10, Fields: 64},
		Pool:   PoolOptions{Window: 64 << 10, Idle: time.Minute, Spread: time.Second}, Handshakes: netpoll.NewHandshakes(nil, nil),
	}}
	if change != nil {
		change(r.dialer)
	}
	r.loop, err = netpoll.Start(0, netpoll.Options{ReadBuffer: 64 << 10, LowWater: 16 << 10,
		Socket: netpoll.SocketOptions{NoDelay: true}})
	if err != nil {
		t.Fatal(err)
	}
	r.links = r.dialer.On(r.loop, new(PoolStats))
	t.Cleanup(r.takeDown)
	return r
}

// takeDown closes all clients and checks the books.
func (r *rig) takeDown() {
	r.do(func() {
		for _, c := range r.clients {
			c.close()
		}
		r.links.Close()
		if st := r.links.stats.Clone(); st.Streams != 0 || st.Connections != 0 {
			r.t.Errorf("left over: %d streams, %d connections", st.Streams, st.Connections)
		}
		for _, e := range r.dialer.Group.Endpoints() {
			if n := e.Active(); n != 0 {
				r.t.Errorf("%s is left with a load of %d", e.Name, n)
			}
		}
		for _, p := range r.links.pools {
			if len(p.conns)+len(p.waiting) != 0 {
				r.t.Errorf("a pool is left with %d connections and %d waiting", len(p.conns), len(p.waiting))
			}
		}
	})
	r.loop.Stop()
	r.dialer.Group.Close()
}

func (r *rig) do(fn func()) {
	if err := r.loop.Do(fn); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) stats() (st PoolStats) {
	r.do(func() { st = r.links.stats.Clone() })
	return st
}

// pool is that of the only endpoint.
func (r *rig) pool() *pool { return r.links.pool(r.dialer.Group.Endpoints()[0]) }

// await polls a condition that no event tells of.
func (r *rig) await(what string, cond func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		var ok bool
		r.do(func() { ok = cond() })
		if ok {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// client is a session that records what it hears. Its methods other than those of Sink wait for the loop.
type client struct {
	rig     *rig
	attempt *Attempt
	stream  Stream
	answer  http1.Response
	events  chan string
	data    chan []byte
	hook    func(event string) // on the loop, before the event is recorded
}

func (r *rig) newClient() *client {
	return &client{rig: r, events: make(chan string, 64), data: make(chan []byte, 4096)}
}

func request() *Request {
	return &Request{Key: 1, Target: []byte("/chat?x=1"), Host: []byte("example.org"), WebSocketKey: []byte("dGhlIHNhbXBsZSBub25jZQ=="),
		Fields: []http1.Field{{Name: []byte("Origin"), Value: []byte("http://example.org")}}}
}

// ask opens n clients in one turn of the loop.
func (r *rig) ask(n int) (all []*client) {
	for range n {
		all = append(all, r.newClient())
	}
	r.do(func() {
		for _, c := range all {
			r.open(c, request())
		}
	})
	return all
}

// open is called on the loop.
func (r *rig) open(c *client, q *Request) {
	r.clients = append(r.clients, c)
	a, why := r.links.Open(q, c)
	if c.attempt = a; why != nil {
		c.tell("refused " + why.Reason)
	}
}

// close is called on the loop.
func (c *client) close() {
	if c.attempt != nil {
		c.attempt.Cancel()
		c.attempt = nil
	}
	if c.stream != nil {
		c.stream.Close()
		c.stream = nil
	}
}

func (c *client) tell(event string) {
	if c.hook != nil {
		c.hook(event)
	}
	c.events <- event
}

func (c *client) OnAnswer(s Stream, a *http1.Response) {
	c.attempt, c.stream = nil, s
	c.answer = http1.Response{Status: a.Status}
	for _, f := range a.Fields {
		c.answer.Fields = append(c.answer.Fields, http1.Field{Name: bytes.Clone(f.Name), Value: bytes.Clone(f.Value)})
	}
	c.tell(fmt.Sprintf("answer %d", a.Status))
}

func (c *client) OnRefused(why *http1.Refusal) {
	c.attempt = nil
	c.tell("refused " + why.Reason)
}

func (c *client) OnBackendData(b []byte) {
	select {
	case c.data <- bytes.Clone(b):
	default:
		panic("a client was sent more pieces than it records")
	}
}

func (c *client) OnBackendDrained() { c.tell("drained") }
func (c *client) OnBackendEOF()     { c.tell("eof") }
func (c *client) OnBackendLeaving() {}

func (c *client) OnBackendLost(error) {
	c.stream = nil
	c.tell("lost")
}

// want awaits the next event.
func (c *client) want(event string) {
	c.rig.t.Helper()
	select {
	case got := <-c.events:
		if got != event {
			c.rig.t.Fatalf("heard %q, want %q", got, event)
		}
	case <-time.After(patience):
		c.rig.t.Fatalf("never heard %q", event)
	}
}

// read awaits n bytes of data.
func (c *client) read(n int) (all []byte) {
	c.rig.t.Helper()
	for len(all) < n {
		select {
		case b := <-c.data:
			all = append(all, b...)
		case <-time.After(patience):
			c.rig.t.Fatalf("received %d bytes of %d", len(all), n)
		}
	}
	return all
}

func (c *client) write(s string) { c.rig.do(func() { c.stream.Write([]byte(s)) }) }
