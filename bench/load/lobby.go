//go:build linux

package load

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
)

// lobby is where TLS handshakes, each on a goroutine of its own, come back to the loop. There are
// never more of them than handshakes under way.
type lobby struct {
	shaking sync.WaitGroup

	// any goroutine
	mu   sync.Mutex
	done []arrival
}

// arrival is a TLS handshake that has ended.
type arrival struct {
	conn *conn
	link *link
	err  error
}

// shake begins the TLS handshake of a client that has connected.
func (c *conn) shake() {
	w := c.w
	l, err := newLink(c.fd, c.target().TLS, w.patience)
	if err != nil {
		w.refuse(c, FaultTLS, err)
		return
	}
	c.state, c.link = shaking, l
	w.shaking.Go(func() {
		err := l.conn.Handshake()
		l.file.Close()
		w.mu.Lock()
		w.done = append(w.done, arrival{c, l, err})
		w.mu.Unlock()
		w.loop.Wake()
	})
}

var errFull = errors.New("a full TLS handshake where the session was to be resumed")

// welcome takes the clients whose TLS handshake has ended back to the loop.
func (w *worker) welcome() {
	w.mu.Lock()
	list := w.done
	w.done = nil
	w.mu.Unlock()
	for _, a := range list {
		c := a.conn
		if c.link != a.link || c.state != shaking {
			continue // given up meanwhile
		}
		if a.err != nil {
			w.refuse(c, FaultTLS, a.err)
			continue
		}
		state := a.link.conn.ConnectionState()
		if w.resume && !state.DidResume {
			w.refuse(c, FaultFull, errFull)
			continue
		}
		w.sessions[sessionOf(&state)]++
		a.link.file = nil
		if c.ask(); c.state == upgrading {
			c.drain(true) // edges that came meanwhile are lost
		}
	}
}

// dismiss ends the handshakes under way, and waits for their goroutines.
func (w *worker) dismiss() {
	for _, c := range w.conns {
		if c.state == shaking {
			c.link.abandon()
		}
	}
	w.shaking.Wait()
}

// remembering makes one full handshake whose session all later ones of the Target it returns can
// resume. Its ticket comes before the answer to the upgrade.
func (t Target) remembering(ctx context.Context) (Target, error) {
	if t.TLS == nil {
		return t, errors.New("without TLS there is no session to resume")
	}
	t.TLS = t.TLS.Clone()
	t.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	return t, t.Probe(ctx)
}
