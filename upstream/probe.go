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
	"net/url"

	"weir/codec/h2"
	"weir/upstream/health"
)

var errNoConnect = errors.New("it speaks HTTP/2 but does not offer WebSocket over it (RFC 8441, SETTINGS_ENABLE_CONNECT_PROTOCOL)")

// newProbe asks in a way that sessions are served in too: with a path by a GET, over HTTP/2 if that is what they
// get; else by a connection, and where sessions have to be pooled by what its SETTINGS offer.
func newProbe(e *Endpoint, path string) health.Probe {
	dial := func(ctx context.Context) (net.Conn, error) {
		return e.Dial(ctx, Costs{}, netip.AddrPort{}, netip.AddrPort{})
	}
	switch {
	case path == "" && !e.Spec.Tunnels():
		return func(ctx context.Context) error { return probeSettings(ctx, dial) }
	case path == "", !e.Spec.Pools():
		return health.NewProbe(dial, e.Spec.authority(), path)
	}
	return func(ctx context.Context) error {
		conn, err := dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		this := func(context.Context) (net.Conn, error) { return conn, nil }
		if speaksHTTP2(conn, e.Spec) {
			return getOverH2(ctx, this, e.Spec, path)
		}
		return health.NewProbe(this, e.Spec.authority(), path)(ctx)
	}
}

// speaksHTTP2 tells what a new connection begins with: what ALPN settled, or what the scheme says.
func speaksHTTP2(conn net.Conn, s Spec) bool {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.ConnectionState().NegotiatedProtocol == alpnHTTP2
	}
	return !s.Tunnels()
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

func getOverH2(ctx context.Context, dial health.Dial, s Spec, path string) error {
	dialAny := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
	transport := &http.Transport{DialContext: dialAny, DialTLSContext: dialAny, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP2(true)
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	target := &url.URL{Scheme: "http", Host: s.authority()}
	if s.Secure() {
		target.Scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String()+path, nil)
	if err != nil {
		return err
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 399 {
		return fmt.Errorf("GET %s: status %d", path, res.StatusCode)
	}
	return nil
}
