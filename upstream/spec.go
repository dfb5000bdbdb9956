package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const (
	defaultPort = 80
	maxWeight   = 1000
)

// A Spec is a backend as the operator wrote it. A host name may stand for
// several endpoints, each of which gets the whole weight.
type Spec struct {
	Scheme string // "ws", "h2c" or "ws+h2c"
	Host   string // lower-case name, or an address in canonical form without brackets
	Port   uint16
	Weight int // 1 to 1000
}

// ParseSpec reads "ws://host[:port][#weight=N]"; "http" means the same as "ws". With "h2c" sessions share
// pooled connections (RFC 8441), with "ws+h2c" they do if the backend offers that.
// An IPv6 address stands in brackets, the port is 80 where none is given, the
// weight 1. Settings after '#' are joined by '&'.
func ParseSpec(s string) (Spec, error) {
	spec, err := parseSpec(s)
	if err != nil {
		return Spec{}, fmt.Errorf("upstream %q: %w", concealed(s), err)
	}
	return spec, nil
}

// String is the form ParseSpec reads, without defaults except the port.
func (s Spec) String() string {
	if s.Weight == 1 {
		return s.base()
	}
	return s.base() + "#weight=" + strconv.Itoa(s.Weight)
}

// Pools tells whether pooled connections may be used, Tunnels whether connections for one session each may.
func (s Spec) Pools() bool   { return s.Scheme != "ws" }
func (s Spec) Tunnels() bool { return s.Scheme != "h2c" }

// base names the backend apart from its settings.
func (s Spec) base() string { return s.Scheme + "://" + s.authority() }

func (s Spec) authority() string {
	return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
}

// literal is the address of a backend that needs no name lookup.
func (s Spec) literal() (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s.Host)
	return addr, err == nil
}

func (s Spec) isName() bool {
	_, literal := s.literal()
	return !literal
}

func parseSpec(s string) (Spec, error) {
	if strings.Contains(s, "@") {
		return Spec{}, errors.New("user and password are not allowed")
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return Spec{}, errors.New("no scheme: write ws://host:port")
	}
	spec := Spec{Scheme: strings.ToLower(scheme), Weight: 1}
	switch spec.Scheme {
	case "ws", "h2c", "ws+h2c":
	case "http":
		spec.Scheme = "ws"
	default:
		return Spec{}, fmt.Errorf("scheme %q is not supported: use ws (or http), h2c or ws+h2c", scheme)
	}
	rest, settings, ok := strings.Cut(rest, "#")
	if ok {
		if err := spec.set(settings); err != nil {
			return Spec{}, err
		}
	}
	rest = strings.TrimSuffix(rest, "/")
	switch {
	case strings.Contains(rest, "?"):
		return Spec{}, errors.New("a query is not allowed: the client's own is passed on")
	case strings.Contains(rest, "/"):
		return Spec{}, errors.New("a path is not allowed: the client's own is passed on")
	}
	host, port, err := splitAuthority(rest)
	if err != nil {
		return Spec{}, err
	}
	if spec.Port, err = parsePort(port); err != nil {
		return Spec{}, err
	}
	spec.Host, err = parseHost(host, strings.HasPrefix(rest, "["))
	return spec, err
}

// set applies what follows '#'.
func (s *Spec) set(settings string) error {
	for setting := range strings.SplitSeq(settings, "&") {
		key, value, _ := strings.Cut(setting, "=")
		if key != "weight" {
			return fmt.Errorf("unknown setting %q: only weight=N is known", key)
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxWeight {
			return fmt.Errorf("weight %q is not a number from 1 to %d", value, maxWeight)
		}
		s.Weight = n
	}
	return nil
}

// splitAuthority parts host from port; the port is "80" where there is none.
func splitAuthority(s string) (host, port string, err error) {
	fallback := strconv.Itoa(defaultPort)
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, after, closed := strings.Cut(inner, "]")
		port, hasPort := strings.CutPrefix(after, ":")
		switch {
		case !closed:
			return "", "", errors.New("the bracket of the IPv6 address is not closed")
		case after == "":
			return host, fallback, nil
		case !hasPort:
			return "", "", fmt.Errorf("unexpected %q after the IPv6 address", after)
		}
		return host, port, nil
	}
	if strings.Count(s, ":") > 1 {
		return "", "", errors.New("an IPv6 address stands in brackets: ws://[::1]:9000")
	}
	host, port, ok := strings.Cut(s, ":")
	if !ok {
		port = fallback
	}
	return host, port, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q is not a number from 1 to 65535", s)
	}
	return uint16(n), nil
}

// parseHost checks and canonicalises, so that one backend has one name.
func parseHost(s string, bracketed bool) (string, error) {
	if s == "" {
		return "", errors.New("no host")
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" && addr.Is6() == bracketed {
		return addr.Unmap().String(), nil
	}
	if bracketed {
		return "", fmt.Errorf("%q is not an IPv6 address (without a zone)", s)
	}
	return parseName(strings.ToLower(s))
}

// parseName admits host names of letters, digits, '-' and '_' (RFC 1123 section
// 2.1, and the underscore that container networks use).
func parseName(s string) (string, error) {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	name := strings.TrimSuffix(s, ".")
	if len(name) > 253 {
		return "", errors.New("the host name is longer than 253 bytes")
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, allowed) != "" {
			return "", fmt.Errorf("%q is not a host name", s)
		}
	}
	// A name may not end in a number: resolvers would read 10.0.0.256 or 1.2.3 as an address.
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", fmt.Errorf("%q is neither an IPv4 address nor a host name", s)
	}
	return s, nil
}

// concealed keeps a password out of the error and so out of logs.
func concealed(s string) string {
	if at := strings.LastIndex(s, "@"); at >= 0 {
		return "..." + s[at:]
	}
	return s
}
