package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"

	"weir/codec/http1"
	"weir/netpoll"
)

// RefusedTLS says that the backend was reached, and TLS with it failed. The endpoint's state tells why.
var RefusedTLS = &http1.Refusal{Status: 502, Reason: "backend_tls_failed", Text: "No secure connection to a backend could be made."}

// protocols as ALPN names them (RFC 7301 section 6).
const (
	alpnHTTP1 = "http/1.1"
	alpnHTTP2 = "h2"
)

// notHTTP2 is the reason where HTTP/2 was offered, and perhaps needed.
const notHTTP2 = "the endpoint speaks TLS but does not choose HTTP/2 (ALPN h2)"

// clientTLS is our side of TLS to one endpoint. It is made once, so that what it remembers of earlier handshakes
// shortens the next.
type clientTLS struct {
	tunnel *tls.Config // nil where the scheme has no tunnels
	pool   *tls.Config // nil where it has no pools
}

// newClientTLS adapts the template to a backend; without TLS it is empty.
func newClientTLS(template *tls.Config, s Spec) *clientTLS {
	c := new(clientTLS)
	if !s.Secure() {
		return c
	}
	base := template.Clone()
	if base == nil {
		base = new(tls.Config)
	}
	if base.ServerName == "" {
		base.ServerName = s.serverName()
	}
	base.ClientSessionCache = tls.NewLRUClientSessionCache(1) // it has one entry for each name, and there is one
	offer := func(protocols ...string) *tls.Config {
		config := base.Clone()
		config.NextProtos = protocols
		return config
	}
	if s.Tunnels() {
		c.tunnel = offer(alpnHTTP1)
	}
	switch {
	case s.Pools() && s.Tunnels():
		c.pool = offer(alpnHTTP2, alpnHTTP1) // or a backend without HTTP/2 would not even shake hands
	case s.Pools():
		c.pool = offer(alpnHTTP2)
	}
	return c
}

// secure begins TLS on a connection that is being made; without a config it stays in clear.
func (ls *Links) secure(c *netpoll.Conn, to netpoll.Addr, config *tls.Config) {
	if config != nil {
		c.StartTLS(&netpoll.TLS{Config: config, Client: true, Handshakes: ls.dialer.Handshakes}, to.Addr(), nil)
	}
}

// maxReason bounds the reasons that are not in words of ours.
const maxReason = 200

// explain says why a connection failed, and which refusal that is. The names that a wrong certificate is for are left
// out: they may be many, and come from whom nobody trusts.
func explain(err error) (string, *http1.Refusal) {
	var (
		handshake *netpoll.HandshakeError
		alert     *net.OpError
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	isAlert := errors.As(err, &alert) && alert.Op == "remote error"
	if !isAlert && !errors.As(err, &handshake) {
		return err.Error(), RefusedConnect
	}
	why := ""
	switch {
	case isAlert:
		why = "the backend refused: " + strings.TrimPrefix(alert.Err.Error(), "tls: ")
	case errors.As(err, &name):
		why = "the backend's certificate is not valid for " + name.Host
	case errors.As(err, &authority):
		why = "the backend's certificate is signed by unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		why = "the backend's certificate has expired or is not valid yet"
	case errors.As(err, &record):
		why = "the backend does not speak TLS"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		why = "the backend closed the connection in the handshake"
	default:
		why = strings.TrimPrefix(err.Error(), "tls: ")
		why = why[:min(len(why), maxReason)]
	}
	return "TLS: " + why, RefusedTLS
}
