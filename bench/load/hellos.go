//go:build linux

package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Hellos are clients that send one and the same ClientHello again and again, each on a new connection, and leave when the
// server's half of the handshake has come: they cost the server what a handshake costs, and themselves next to nothing.
type Hellos struct {
	stop     context.CancelFunc
	answered atomic.Int64
	clients  sync.WaitGroup
}

// Hellos begins with so many at once.
func (t Target) Hellos(ctx context.Context, conns int) (*Hellos, error) {
	hello, err := t.hello()
	if err != nil {
		return nil, err
	}
	h := &Hellos{}
	ctx, h.stop = context.WithCancel(ctx)
	for range conns {
		h.clients.Go(func() {
			for ctx.Err() == nil {
				if h.replay(ctx, t.Addr, hello) != nil {
					select {
					case <-ctx.Done():
					case <-time.After(retryPause):
					}
				}
			}
		})
	}
	return h, nil
}

// hello is the first flight of a client.
func (t Target) hello() ([]byte, error) {
	if t.TLS == nil {
		return nil, errors.New("hellos are for wss:// targets")
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		_ = tls.Client(theirs, t.TLS).Handshake()
		theirs.Close()
	}()
	b := make([]byte, 16<<10)
	n, err := ours.Read(b)
	return b[:n], err
}

func (h *Hellos) replay(ctx context.Context, to netip.AddrPort, hello []byte) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetLinger(0)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err = conn.Write(hello); err == nil {
		_, err = conn.Read(make([]byte, 1<<10))
	}
	if err == nil {
		h.answered.Add(1)
	}
	return err
}

// Answered is how many were so far.
func (h *Hellos) Answered() int64 { return h.answered.Load() }

// Close ends them.
func (h *Hellos) Close() {
	h.stop()
	h.clients.Wait()
}

// Newcomer makes one whole TLS handshake from an address of its own, and tells how long it took.
func (t Target) Newcomer(ctx context.Context, from netip.Addr) (time.Duration, error) {
	began := time.Now()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := d.DialContext(ctx, "tcp", t.Addr.String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := tls.Client(conn, t.TLS).HandshakeContext(ctx); err != nil {
		return 0, fmt.Errorf("newcomer: %w", err)
	}
	return time.Since(began), nil
}
