package interop

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. It is long since a busy machine is no failure.
const patience = 30 * time.Second

// command is what a peer is told to do. Each is answered by one event with the same ID.
//
//	listen  start a server; Deflate, Protocols, Headers (of the 101) or Refuse shape its answers
//	dial    connect to URL; Deflate, Protocols and Headers shape the request
//	send    one message of random content: Kind, Size, in Fragments frames, with Pings between them;
//	        Compressible content repeats itself
//	ping    with Payload; the answer tells the payload that was used, as not every library lets one choose
//	close   with Code and Reason; Code 0: an empty close frame
//	stop    close a server's listener
type command struct {
	ID           int         `json:"id"`
	Do           string      `json:"do"`
	Server       int         `json:"server,omitempty"`
	Conn         int         `json:"conn,omitempty"`
	URL          string      `json:"url,omitempty"`
	Deflate      bool        `json:"deflate,omitempty"`
	Protocols    []string    `json:"protocols,omitempty"`
	Headers      [][2]string `json:"headers,omitempty"`
	Refuse       *refusal    `json:"refuse,omitempty"`
	Kind         string      `json:"kind,omitempty"`
	Size         int         `json:"size"`
	Fragments    int         `json:"fragments,omitempty"`
	Pings        bool        `json:"pings,omitempty"`
	Compressible bool        `json:"compressible,omitempty"`
	Payload      string      `json:"payload,omitempty"`
	Code         int         `json:"code,omitempty"`
	Reason       string      `json:"reason,omitempty"`
}

type refusal struct {
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers,omitempty"`
	Body    string      `json:"body"`
}

// event is what a peer tells: the answer to a command (ID), or what happened to a connection (Event).
//
//	open     a server took a connection, for Target with Cookie
//	message  Kind, Size in bytes, Hash of the content (SHA-256)
//	ping     came in with Payload; it is answered by the library
//	pong     came in with Payload
//	close    the connection has ended; 1005: close frame without code, 1006: no close frame
type event struct {
	ID         int            `json:"id"`
	Event      string         `json:"event"`
	Error      string         `json:"error"`
	Server     int            `json:"server"`
	Port       int            `json:"port"`
	Conn       int            `json:"conn"`
	Target     string         `json:"target"`
	Cookie     string         `json:"cookie"`
	Status     int            `json:"status"` // of a refusal
	Headers    map[string]any `json:"headers"`
	Body       *string        `json:"body"` // nil: the library does not show it
	Protocol   string         `json:"protocol"`
	Extensions string         `json:"extensions"`
	Cookies    []string       `json:"cookies"`
	Kind       string         `json:"kind"`
	Size       int            `json:"size"`
	Hash       string         `json:"hash"`
	Payload    string         `json:"payload"`
	Code       int            `json:"code"`
	Reason     string         `json:"reason"`
}

// Peer is a WebSocket implementation that can be told to serve and to dial.
type Peer struct {
	Name string

	send func(command) error

	mu     sync.Mutex
	last   int
	queues map[string]chan event // of answers, servers and connections
}

func newPeer(name string) *Peer { return &Peer{Name: name, queues: make(map[string]chan event)} }

// queue is where the events of one origin wait. It is bounded by what one test causes.
func (p *Peer) queue(origin string, number int) chan event {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fmt.Sprint(origin, number)
	q := p.queues[key]
	if q == nil {
		q = make(chan event, 4096)
		p.queues[key] = q
	}
	return q
}

// receive is called for all that the implementation tells.
func (p *Peer) receive(ev event) {
	switch {
	case ev.Event == "":
		p.queue("answer", ev.ID) <- ev
	case ev.Event == "open":
		p.queue("server", ev.Server) <- ev
	default:
		p.queue("conn", ev.Conn) <- ev
	}
}

// call gives a command and awaits its answer.
func (p *Peer) call(t testing.TB, c command) event {
	t.Helper()
	p.mu.Lock()
	p.last++
	c.ID = p.last
	p.mu.Unlock()
	q := p.queue("answer", c.ID)
	if err := p.send(c); err != nil {
		t.Fatalf("%s: %s: %v", p.Name, c.Do, err)
	}
	ev := await(t, q, p.Name+": answer to "+c.Do)
	if ev.Error != "" {
		t.Fatalf("%s: %s: %s", p.Name, c.Do, ev.Error)
	}
	return ev
}

func await[T any](t testing.TB, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("waited %v in vain for: %s", patience, what)
	}
	return v
}

// Listen starts a server shaped by c; it is stopped at the end of the test. It returns its URL and its number.
func (p *Peer) Listen(t testing.TB, c command) (url string, server int) {
	t.Helper()
	c.Do = "listen"
	ev := p.call(t, c)
	t.Cleanup(func() { p.call(t, command{Do: "stop", Server: ev.Server}) })
	return fmt.Sprintf("ws://127.0.0.1:%d", ev.Port), ev.Server
}

// Accept awaits the next connection to a server.
func (p *Peer) Accept(t testing.TB, server int) (*Conn, event) {
	t.Helper()
	ev := await(t, p.queue("server", server), p.Name+": a connection")
	return &Conn{p, ev.Conn, p.queue("conn", ev.Conn)}, ev
}

// Dial connects as c says. The connection is nil if the answer is a refusal.
func (p *Peer) Dial(t testing.TB, c command) (*Conn, event) {
	t.Helper()
	c.Do = "dial"
	ev := p.call(t, c)
	if ev.Status != 0 {
		return nil, ev
	}
	return &Conn{p, ev.Conn, p.queue("conn", ev.Conn)}, ev
}

// Conn is one end of a WebSocket connection.
type Conn struct {
	peer   *Peer
	number int
	events <-chan event
}

func (c *Conn) do(t testing.TB, cmd command) event {
	t.Helper()
	cmd.Conn = c.number
	return c.peer.call(t, cmd)
}

// Expect awaits an event of the given kind and returns those before it as well.
func (c *Conn) Expect(t testing.TB, kind string) (ev event, before []event) {
	t.Helper()
	for {
		ev = await(t, c.events, c.peer.Name+": "+kind)
		switch ev.Event {
		case kind:
			return ev, before
		case "close":
			t.Fatalf("%s: closed with %d %q instead of %s", c.peer.Name, ev.Code, ev.Reason, kind)
		}
		before = append(before, ev)
	}
}
