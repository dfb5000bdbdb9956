//go:build linux

package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"
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

// ErrNotLoopback is the refusal to drive a target beyond this machine unasked.
var ErrNotLoopback = errors.New("the target is beyond loopback; say --i-own-this-target if you may load it")

// now is a monotonic clock in nanoseconds.
func now() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now()
