package config

import (
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

func (v *verdict) addresses(c *Config) {
	if len(c.Listen)+len(c.TLSListen) == 0 {
		v.wrong("listen", "no address given; write one such as :8080")
	}
	taken := map[string]string{} // as written, by what would be bound
	for _, addr := range c.Listen {
		v.address("listen", addr, taken)
	}
	for _, addr := range c.TLSListen {
		v.address("tls-listen", addr, taken)
	}
	if c.HasAdmin() {
		v.address("admin", c.Admin, taken)
		v.apart(c)
	}
}

const maxSocketPath = 103 // bytes that every system has room for in a unix socket's address

// address refuses what cannot be listened on and what is listened on already.
func (v *verdict) address(name, addr string, taken map[string]string) {
	if socket, ok := strings.CutPrefix(addr, "unix:"); ok {
		if !path.IsAbs(socket) || len(socket) > maxSocketPath {
			v.wrong(name, "%q is not a unix socket's address; write unix:/PATH, with a path of at most %d bytes", addr, maxSocketPath)
		}
	} else {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			v.wrong(name, "%q is not an address; write HOST:PORT or :PORT", addr)
			return
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			v.wrong(name, "%q: port %q is not a number from 0 to 65535", addr, port)
		}
		if n == 0 { // any free port, so that it can be asked for twice
			return
		}
	}
	bound := Bound(addr)
	switch was, twice := taken[bound]; {
	case twice && was == addr:
		v.wrong(name, "%s is listened on twice", addr)
	case twice:
		v.wrong(name, "%s is listened on twice: it is the same as %s", addr, was)
	default:
		taken[bound] = addr
	}
}

// Bound writes what is listened on in one way, however the address says it: :80 and [::]:80 are the same. Names are not
// looked up.
func Bound(addr string) string {
	if socket, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix:" + path.Clean(socket)
	}
	if ip, ok := boundAddr(addr); ok {
		return ip.String()
	}
	return strings.ToLower(addr)
}

// apart refuses an admin address that a client's takes in, or the other way round: it could not be bound. Those of
// clients may overlap, as the narrower one takes what is its own.
func (v *verdict) apart(c *Config) {
	admin, ok := boundAddr(c.Admin)
	for _, addr := range append(c.Listen[:len(c.Listen):len(c.Listen)], c.TLSListen...) {
		clients, known := boundAddr(addr)
		if ok && known && clients != admin && admin.Port() != 0 && clients.Port() == admin.Port() &&
			(takesIn(clients.Addr(), admin.Addr()) || takesIn(admin.Addr(), clients.Addr())) {
			v.wrong("admin", "%s overlaps with %s, where clients connect; write another port", c.Admin, addr)
		}
	}
}

// boundAddr is what would be bound for an address without a name in it.
func boundAddr(addr string) (netip.AddrPort, bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, false
	}
	if host == "" {
		host = "::"
	}
	bound, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	return netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port()), err == nil
}

// takesIn tells whether a socket bound to wide gets what is sent to ip: [::] is for IPv4 too.
func takesIn(wide, ip netip.Addr) bool {
	return wide == netip.IPv6Unspecified() || wide == netip.IPv4Unspecified() && ip.Is4()
}
