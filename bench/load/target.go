//go:build linux

package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"weir/bench/epoll"
)

// Target is what is driven.
type Target struct {
	Addr netip.AddrPort
	Host string      // of the Host header
	Path string      // with the query
	TLS  *tls.Config // nil for ws://; with a server name
}

// ParseTarget reads ws://host[:port]/path or wss://... and resolves the host.
func ParseTarget(raw string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Target{}, err
	}
	port, secure := "80", false
	switch u.Scheme {
	case "wss", "https":
		port, secure = "443", true
	case "ws", "http":
	default:
		u.Host = ""
	}
	if u.Hostname() == "" {
		return Target{}, fmt.Errorf("%q is not of the form ws://host:port/path or wss://host:port/path", raw)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return Target{}, err
	}
	ap := addr.AddrPort()
	t := Target{
		Addr: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()),
		Host: u.Host,
		Path: u.RequestURI(),
	}
	if secure {
		t.TLS = ClientTLS(u.Hostname())
	}
	return t, nil
}

// Loopback reports whether the target is on this machine's loopback interface.
func (t Target) Loopback() bool { return t.Addr.Addr().IsLoopback() }

// CheckPorts is an error if there are not ports enough to open so many connections to the target.
func (t Target) CheckPorts(conns int) error {
	_, err := epoll.SourcesFor(0, conns, t.Addr.Addr())
	return err
}

// ErrNotLoopback is the refusal to drive a target beyond this machine unasked.
var ErrNotLoopback = errors.New("the target is beyond loopback; say --i-own-this-target if you may load it")

// now is a monotonic clock in nanoseconds.
func now() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now()
