package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"weir/codec/proxyproto"
	"weir/netpoll"
)

// Dial connects to the endpoint for those who may wait: health checks, and requests that are not for a loop. It does
// as sessions do: a PROXY header where the operator wants one, which names the client's address and the one it
// connected to, or nobody's if they are zero; then TLS, whose ALPN offers what the scheme allows. A handshake that
// fails is a *netpoll.HandshakeError.
func (e *Endpoint) Dial(ctx context.Context, costs Costs, source, destination netip.AddrPort) (net.Conn, error) {
	return e.dialAt(ctx, e.Addr, costs, source, destination)
}

func (e *Endpoint) dialAt(ctx context.Context, addr netpoll.Addr, costs Costs, source, destination netip.AddrPort) (net.Conn, error) {
	if err := costs.Sockets.Take(); err != nil {
		return nil, err
	}
	plain, err := new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
	if err != nil {
		costs.Sockets.Give()
		return nil, err
	}
	conn := &counted{Conn: plain, costs: costs}
	if e.Spec.Proxy != 0 {
		if _, err := conn.Write(proxyproto.Append(nil, e.Spec.Proxy, source, destination)); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	ours := e.vitals.tls.Load()
	config := ours.tunnel
	if e.Spec.Pools() {
		config = ours.pool
	}
	if config == nil {
		return conn, nil
	}
	secure := tls.Client(conn, config)
	if err := conn.shakes(ctx, secure.HandshakeContext); err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("no TLS handshake in time: %w", ctx.Err())
		}
		why, _ := explain(&netpoll.HandshakeError{Err: err})
		return nil, &netpoll.HandshakeError{Err: errors.New(why)}
	}
	if !e.Spec.Tunnels() && secure.ConnectionState().NegotiatedProtocol != alpnHTTP2 {
		_ = conn.Close()
		return nil, errors.New(notHTTP2)
	}
	return secure, nil
}
