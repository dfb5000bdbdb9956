package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"weir/netpoll"
)

// A Spec is a backend as the operator wrote it. A host may stand for
// several endpoints, each of which gets the whole weight.
type Spec struct {
	Scheme string // "ws", "wss", "h2c", "h2", "ws+h2c" or "wss+h2"
	Host   string // lower-case name, or an address in canonical form without brackets; "" if there is a Path
	Port   uint16
	Path   string // of a unix socket, instead of Host and Port
	Source Source // that Host is known by
	// ServicePort is the number or name of a Kubernetes Service's port, instead of Port.
	ServicePort string
	Proxy       int    // version (1 or 2) of the PROXY protocol's header that begins each connection; 0: none
	ID          string // names the endpoint instead of its URL and address; "": they do

	Weight   int    // 1 to 1000
	Max      int    // sessions that this gateway opens on each endpoint; 0: any number
	Priority int    // 0 to 100; the lowest is used first
	Zone     string // where it is; "": nobody says
}

// Source is what knows where a backend is.
type Source string

const (
	SourceAddress    Source = ""    // the host is an address, or a name that has some in DNS
	SourceSRV        Source = "srv" // the host is a service that DNS knows (RFC 2782)
	SourceKubernetes Source = "k8s" // it is a Kubernetes Service, as service.namespace
)

// bare is the spec without what may change while an endpoint stays the same one.
func (s Spec) bare() Spec {
	s.Weight, s.Max, s.Priority, s.Zone = 0, 0, 0, ""
	return s
}

// ParseSpec reads "scheme://host[:port][#settings]", or "scheme://" and the absolute path of a unix socket.
//
//	ws      a connection for each session; "http" means the same
//	h2c     sessions share pooled connections (RFC 8441)
//	ws+h2c  they do if the backend offers that
//
// and with TLS "wss" (or "https"), "h2" and "wss+h2", where ALPN takes part in what is offered. Over a unix socket
// these are "unix", "h2c+unix" and "ws+h2c+unix", as in "unix:///run/app.sock".
//
// With "+srv" behind the scheme the host is a service that DNS knows, and has no port, as in
// "ws+srv://_ws._tcp.chat.example.com". With "+k8s" it is a Kubernetes Service and the number or name of its port, as in
// "ws+k8s://chat.prod:80".
//
// An IPv6 address stands in brackets. The port is 80 where none is given, 443 with TLS. Settings are joined by '&':
// "weight=N", 1 where it is not given; "max=N" sessions; "priority=N", where those of the lowest are used first, and
// "backup" is priority 1; "zone=NAME"; "proxy-protocol=v1" or "v2", which tells the backend who the client is
// and so needs a connection for each session; and "id=NAME", for a backend that stays the same one wherever it moves.
func ParseSpec(s string) (Spec, error) {
	spec, err := parseSpec(s)
	if err != nil {
		return Spec{}, fmt.Errorf("upstream %q: %w", concealed(s), err)
	}
	return spec, nil
}

// String is the form ParseSpec reads, without defaults except the port.
func (s Spec) String() string {
	var settings []string
	if s.Weight != 1 {
		settings = append(settings, "weight="+strconv.Itoa(s.Weight))
	}
	if s.Max != 0 {
		settings = append(settings, "max="+strconv.Itoa(s.Max))
	}
	if s.Priority != 0 {
		settings = append(settings, "priority="+strconv.Itoa(s.Priority))
	}
	if s.Zone != "" {
		settings = append(settings, "zone="+s.Zone)
	}
	if s.Proxy != 0 {
		settings = append(settings, "proxy-protocol=v"+strconv.Itoa(s.Proxy))
	}
	if s.ID != "" {
		settings = append(settings, "id="+s.ID)
	}
	if settings == nil {
		return s.base()
	}
	return s.base() + "#" + strings.Join(settings, "&")
}

// Distinct refuses backends that are there twice, with whatever settings.
func Distinct(specs []Spec) error {
	seen := make(map[string]bool)
	var twice []error
	for _, s := range specs {
		if seen[s.base()] {
			twice = append(twice, fmt.Errorf("%s is given twice; to give a backend more, write #weight=N behind it", s.base()))
		}
		if s.ID != "" && seen[s.ID] {
			twice = append(twice, fmt.Errorf("%s: id %s is that of another backend", s.base(), s.ID))
		}
		seen[s.base()], seen[s.ID] = true, true
	}
	return errors.Join(twice...)
}

// Pools tells whether pooled connections may be used, Tunnels whether connections for one session each may.
func (s Spec) Pools() bool   { return strings.Contains(s.Scheme, "h2") }
func (s Spec) Tunnels() bool { return strings.HasPrefix(s.Scheme, "ws") }

// Secure tells whether the backend is reached over TLS.
func (s Spec) Secure() bool {
	switch s.Scheme {
	case "wss", "h2", "wss+h2":
		return true
	}
	return false
}

// base names the backend apart from its settings.
func (s Spec) base() string {
	switch {
	case s.Source == SourceSRV:
		return s.Scheme + "+srv://" + s.Host
	case s.Source == SourceKubernetes:
		return s.Scheme + "+k8s://" + s.Host + ":" + s.ServicePort
	case s.Path == "":
		return s.Scheme + "://" + s.Authority()
	case s.Scheme == "ws":
		return "unix://" + s.Path
	default:
		return s.Scheme + "+unix://" + s.Path
	}
}

// nameAt is the name of the backend's endpoint at addr. What a host name stands for now is not part of it, so that an
// endpoint keeps its name when others join or leave.
func (s Spec) nameAt(addr netpoll.Addr) string {
	switch {
	case s.ID != "":
		return s.ID
	case s.Source != SourceAddress:
		return s.base() + "@" + addr.String()
	case s.isName():
		return s.base() + "@" + addr.Addr().String()
	}
	return s.base()
}

// Authority is what requests of our own name as their host.
func (s Spec) Authority() string {
	switch {
	case s.Path != "":
		return "localhost"
	case s.Source != SourceAddress: // whose ports are many, or not the one that is connected to
		return s.serverName()
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
}

// serverName is what the backend's certificate has to name: of a service that DNS knows the domain, without the labels of
// service and protocol.
func (s Spec) serverName() string {
	name := s.Host
	for s.Source == SourceSRV && strings.HasPrefix(name, "_") {
		_, name, _ = strings.Cut(name, ".")
	}
	return name
}

// literal is the address of a backend that needs no name lookup.
func (s Spec) literal() (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s.Host)
	return addr, err == nil
}

func (s Spec) isName() bool {
	_, literal := s.literal()
	return !literal && s.Path == ""
}
