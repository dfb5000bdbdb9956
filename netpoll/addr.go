package netpoll

import (
	"net"
	"net/netip"
)

// Addr is where a socket listens or what it connects to: an IP address with a port, or the path of a unix socket.
// It is comparable.
type Addr struct {
	netip.AddrPort        // zero for a unix socket
	Path           string // of a unix socket, else ""
}

// IP is the address of a TCP socket.
func IP(ap netip.AddrPort) Addr { return Addr{AddrPort: ap} }

// Unix is the address of a unix socket.
func Unix(path string) Addr { return Addr{Path: path} }

// Network is "tcp" or "unix", as package net calls them.
func (a Addr) Network() string {
	if a.Path != "" {
		return "unix"
	}
	return "tcp"
}

// String is "ip:port", or the path.
func (a Addr) String() string {
	if a.Path != "" {
		return a.Path
	}
	return a.AddrPort.String()
}

// Net is the address in the types of package net.
func (a Addr) Net() net.Addr {
	if a.Path != "" {
		return &net.UnixAddr{Net: "unix", Name: a.Path}
	}
	return net.TCPAddrFromAddrPort(a.AddrPort)
}
