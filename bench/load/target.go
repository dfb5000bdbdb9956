//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"weir/bench/wire"
)

// Target is what is driven.
type Target struct {
	Addr netip.AddrPort
	Host string // of the Host header
	Path string // with the query
}

// ParseTarget reads ws://host[:port]/path and resolves the host.
func ParseTarget(raw string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Target{}, err
	}
	if (u.Scheme != "ws" && u.Scheme != "http") || u.Hostname() == "" {
		return Target{}, fmt.Errorf("%q is not of the form ws://host:port/path", raw)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return Target{}, err
	}
	ap := addr.AddrPort()
	return Target{
		Addr: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()),
		Host: u.Host,
		Path: u.RequestURI(),
	}, nil
}

// Loopback reports whether the target is on this machine's loopback interface.
func (t Target) Loopback() bool { return t.Addr.Addr().IsLoopback() }

// Probe upgrades one connection and closes it; the error says what went wrong.
func (t Target) Probe(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", t.Addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	key := newKey()
	if _, err := conn.Write(wire.AppendRequest(nil, t.Host, t.Path, key)); err != nil {
		return err
	}
	var head []byte
	piece := make([]byte, wire.MaxHead)
	for {
		n, err := conn.Read(piece)
		head = append(head, piece[:n]...)
		if n, bad := wire.CutHead(head); bad != nil {
			return bad
		} else if n > 0 {
			return wire.CheckAnswer(head[:n], wire.Accept([]byte(key)))
		}
		if err != nil {
			return fmt.Errorf("no answer to the upgrade: %w", err)
		}
	}
}

// ErrNotLoopback is the refusal to drive a target beyond this machine unasked.
var ErrNotLoopback = errors.New("the target is beyond loopback; say --i-own-this-target if you may load it")

// now is a monotonic clock in nanoseconds.
func now() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now()
