//go:build linux

package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"weir/bench/wire"
	"weir/codec/h2"
)

// Probe upgrades one connection and closes it; the error says what went wrong.
func (t Target) Probe(ctx context.Context) error {
	conn, err := t.upgrade(ctx)
	if err == nil {
		conn.Close()
	}
	return err
}

// upgrade opens a WebSocket by hand; the context's deadline holds for that alone.
func (t Target) upgrade(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultPatience)
	defer cancel()
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.handshake(conn); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return conn, nil
}

func (t Target) handshake(conn net.Conn) error {
	key := newKey()
	if _, err := conn.Write(wire.AppendRequest(nil, t.Host, t.Path, key)); err != nil {
		return err
	}
	head, err := readHead(conn)
	if err != nil {
		return err
	}
	return wire.CheckAnswer(head, wire.Accept([]byte(key)))
}

// readHead reads the head of an answer, and whatever came with it is lost.
func readHead(conn net.Conn) ([]byte, error) {
	var head []byte
	piece := make([]byte, wire.MaxHead)
	for {
		n, err := conn.Read(piece)
		head = append(head, piece[:n]...)
		if n, bad := wire.CutHead(head); n > 0 || bad != nil {
			return head[:n], bad
		}
		if err != nil {
			return nil, fmt.Errorf("no answer to the upgrade: %w", err)
		}
	}
}

// ProbeH2C opens one HTTP/2 connection by prior knowledge and waits for the SETTINGS that offer
// extended CONNECT (RFC 8441 section 3).
func (t Target) ProbeH2C(ctx context.Context) error {
	conn, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	ours := h2.DefaultSettings()
	if _, err := conn.Write(h2.AppendPreface(nil, ours)); err != nil {
		return err
	}
	reader := h2.NewReader(h2.Client, ours, h2.DefaultLimits())
	piece := make([]byte, 4<<10)
	for {
		n, err := conn.Read(piece)
		for b := piece[:n]; len(b) > 0; {
			ev, used := reader.Next(b)
			b = b[used:]
			switch {
			case ev.Kind == h2.Fault:
				return reader.Err()
			case ev.Kind == h2.SettingsChanged && !reader.Peer().EnableConnect:
				return errors.New("no extended CONNECT is offered")
			case ev.Kind == h2.SettingsChanged:
				return nil
			}
		}
		if err != nil {
			return fmt.Errorf("no SETTINGS: %w", err)
		}
	}
}

// dial connects and, of a TLS target, shakes hands; the context's deadline holds for what follows too.
func (t Target) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", t.Addr.String())
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if t.TLS == nil {
		return conn, nil
	}
	secure := tls.Client(conn, t.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secure, nil
}
