package routing

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unsafe"

	"weir/codec/http1"
)

// A host is a name, all names below one, or an IPv6 address.
type host struct {
	name  string // lower case, without a final dot; ".example.com" if below
	below bool
	ip    netip.Addr
}

func parseHost(text string) (host, error) {
	bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if ip, err := netip.ParseAddr(bare); err == nil && ip.Is6() && ip.Zone() == "" {
		return host{ip: ip}, nil
	}
	name := strings.TrimSuffix(strings.ToLower(text), ".")
	rest, below := strings.CutPrefix(name, "*.")
	switch {
	case text == "*":
		return host{}, errors.New(`"*" is any host; leave host away for that`)
	case strings.Contains(rest, "*"):
		return host{}, fmt.Errorf("%q: a * stands for whole labels at the beginning, as in *.example.com", text)
	case strings.Contains(rest, ":"):
		return host{}, fmt.Errorf("%q is not a host; a route does not look at ports, and IPv6 addresses read [::1]", text)
	case !isName(rest):
		return host{}, fmt.Errorf("%q is not a host; write a name such as chat.example.com (in its xn-- form) or *.example.com", text)
	}
	if below {
		rest = "." + rest
	}
	return host{name: rest, below: below}, nil
}

func isName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func (h host) String() string {
	switch {
	case h.ip.IsValid():
		return "[" + h.ip.String() + "]"
	case h.below:
		return "*" + h.name
	}
	return h.name
}

func (h *host) is(p *probe) bool {
	switch {
	case h.ip.IsValid():
		return h.ip == p.ip
	case h.below:
		over := len(p.name) - len(h.name)
		return over > 0 && http1.Same(p.name[over:], h.name)
	}
	return http1.Same(p.name, h.name)
}

// splitHost takes port, brackets and a final dot off a Host field.
func splitHost(b []byte) (name []byte, ip netip.Addr) {
	if len(b) > 0 && b[0] == '[' {
		if end := bytes.IndexByte(b, ']'); end > 0 {
			// The string is not kept: the error, which would hold it, is dropped, and there is no zone in a Host.
			ip, _ = netip.ParseAddr(unsafe.String(&b[1], end-1))
		}
		return nil, ip.WithZone("")
	}
	if i := bytes.LastIndexByte(b, ':'); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimSuffix(b, []byte{'.'}), ip
}

func (p *probe) hostText() string {
	if p.ip.IsValid() {
		return "[" + p.ip.String() + "]"
	}
	return string(p.name)
}
