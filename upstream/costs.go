package upstream

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"weir/netpoll"
)

// Costs are what a connection takes while it lasts: one of the sockets there may be, and turns to compute in its TLS
// handshake. What is nil is not counted.
type Costs struct {
	Sockets *netpoll.Sockets
	Compute netpoll.Turns
}

// counted is a connection that gives its socket back, and its turn while the handshake waits for the endpoint.
type counted struct {
	net.Conn
	costs   Costs
	ctx     context.Context // of the handshake; nil: there is none under way
	closing sync.Once
}

// Close is net.Conn's.
func (c *counted) Close() error {
	err := c.Conn.Close()
	c.closing.Do(c.costs.Sockets.Give)
	return err
}

// Read is net.Conn's.
func (c *counted) Read(b []byte) (int, error) {
	if c.ctx == nil {
		return c.Conn.Read(b)
	}
	c.costs.Compute.Done()
	n, err := c.Conn.Read(b)
	if !c.turn() && err == nil {
		n, err = 0, c.ctx.Err()
	}
	return n, err
}

// shakes runs a handshake on the connection.
func (c *counted) shakes(ctx context.Context, handshake func(context.Context) error) error {
	if c.costs.Compute == nil {
		return handshake(ctx)
	}
	c.ctx = ctx
	if !c.turn() {
		return ctx.Err()
	}
	err := handshake(ctx)
	if c.ctx != nil {
		c.costs.Compute.Done()
		c.ctx = nil
	}
	return err
}

// turn waits for one; without, the handshake is over.
func (c *counted) turn() bool {
	ready := make(chan struct{})
	leave := c.costs.Compute.Queue(netip.Addr{}, func() { close(ready) })
	select {
	case <-ready:
		return true
	case <-c.ctx.Done():
	}
	if !leave() {
		<-ready // it came just then
		return true
	}
	return false
}
