package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/net/http2"

	"weir/codec/h2"
	"weir/netpoll"
	"weir/upstream/health"
)

var errNoConnect = errors.New("it speaks HTTP/2 but does not offer WebSocket over it (RFC 8441, SETTINGS_ENABLE_CONNECT_PROTOCOL)")

// newProbe asks in a way that sessions are served in too: over HTTP/2 if that is what they get; and where sessions have
// to be pooled and a connection is enough, by what its SETTINGS offer.
func newProbe(e *Endpoint, o health.Options) health.Probe {
	addr := e.Addr
	if o.Port != 0 && addr.Path == "" {
		addr = netpoll.IP(netip.AddrPortFrom(addr.Addr(), o.Port))
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		return e.dialAt(ctx, addr, Costs{}, netip.AddrPort{}, netip.AddrPort{})
	}
	host := e.Spec.Authority()
	switch {
	case o.Kind == health.TCP && !e.Spec.Tunnels():
		return func(ctx context.Context) error { return probeSettings(ctx, dial) }
	case o.Kind == health.TCP, !e.Spec.Pools():
		return health.NewProbe(dial, host, o)
	}
	return func(ctx context.Context) error {
		conn, err := dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if e.speaksHTTP2(conn) {
			return askOverH2(ctx, conn, e.Spec, o)
		}
		this := func(context.Context) (net.Conn, error) { return conn, nil }
		return health.NewProbe(this, host, o)(ctx)
	}
}

// speaksHTTP2 tells what a new connection begins with: what ALPN settled, or what the scheme says; where that leaves both,
// what sessions have found.
func (e *Endpoint) speaksHTTP2(conn net.Conn) bool {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.ConnectionState().NegotiatedProtocol == alpnHTTP2
	}
	return e.Protocol() == alpnHTTP2
}

func probeSettings(ctx context.Context, dial health.Dial) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	return offersConnect(conn)
}

// offersConnect reads the endpoint's first SETTINGS.
func offersConnect(conn io.ReadWriter) error {
	ours := h2.DefaultSettings()
	ours.EnablePush = false
	if _, err := conn.Write(h2.AppendPreface(nil, ours)); err != nil {
		return err
	}
	reader := h2.NewReader(h2.Client, ours, h2.DefaultLimits())
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return fmt.Errorf("no HTTP/2 SETTINGS: %w", err)
		}
		for b := buf[:n]; len(b) > 0; {
			ev, used := reader.Next(b)
			b = b[used:]
			switch {
			case ev.Kind == h2.Fault:
				return reader.Err()
			case ev.Kind != h2.SettingsChanged:
			case !reader.Peer().EnableConnect:
				return errNoConnect
			default:
				_, err := conn.Write(h2.AppendGoAway(h2.AppendSettingsAck(nil), 0, h2.NoError, ""))
				return err
			}
		}
	}
}

// askOverH2 sends a GET, or opens a WebSocket by an extended CONNECT (RFC 8441 section 4).
func askOverH2(ctx context.Context, conn net.Conn, s Spec, o health.Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	// net/http's own transport takes no :protocol.
	client, err := (&http2.Transport{MaxHeaderListSize: maxProbeHead}).NewClientConn(conn)
	if err != nil {
		return err
	}
	defer client.Close()
	target := "http://" + s.Authority() + o.Path
	if s.Secure() {
		target = "https://" + s.Authority() + o.Path
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	req.Header, req.Host = o.Header(), o.Host
	body, to := io.Pipe()
	defer to.Close()
	if o.Kind == health.WebSocket {
		req.Method, req.Body = http.MethodConnect, body
		req.Header[":protocol"] = []string{"websocket"}
		req.Header.Set("Sec-WebSocket-Version", "13")
	}
	res, err := client.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	switch {
	case o.Kind == health.HTTP:
		return o.Judge(res.StatusCode)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return fmt.Errorf("status %d, not 200", res.StatusCode)
	}
	health.HangUp(to, res.Body, cancel)
	return nil
}

// maxProbeHead bounds what is read of an answer to a check.
const maxProbeHead = 16 << 10
