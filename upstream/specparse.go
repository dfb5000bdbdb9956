package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"weir/upstream/discovery/kube"
)

const (
	maxWeight = 1000
	maxMax    = 100_000_000
	maxLevel  = 100
	maxPath   = 103 // bytes of a unix socket's address, on the systems that take the least
	maxID     = 64
)

// notInName keeps names given by hand apart from URLs.
func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
}

func parseSpec(s string) (Spec, error) {
	if strings.Contains(s, "@") {
		return Spec{}, errors.New("user and password are not allowed")
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return Spec{}, errors.New("no scheme: write ws://host:port")
	}
	spec := Spec{Weight: 1}
	unix, err := spec.setScheme(strings.ToLower(scheme))
	if err != nil {
		return Spec{}, err
	}
	rest, settings, ok := strings.Cut(rest, "#")
	if ok {
		if err := spec.set(settings); err != nil {
			return Spec{}, err
		}
	}
	switch {
	case unix:
		spec.Path, err = parsePath(rest)
	case spec.Source == SourceSRV:
		err = spec.setServiceName(strings.TrimSuffix(rest, "/"))
	case spec.Source == SourceKubernetes:
		err = spec.setService(strings.TrimSuffix(rest, "/"))
	default:
		err = spec.setAuthority(rest)
	}
	return spec, err
}

// setScheme tells whether the backend is at a unix socket.
func (s *Spec) setScheme(scheme string) (unix bool, err error) {
	if scheme == "unix" {
		scheme = "ws+unix"
	}
	s.Scheme, unix = strings.CutSuffix(scheme, "+unix")
	for _, source := range []Source{SourceSRV, SourceKubernetes} {
		if short, ok := strings.CutSuffix(s.Scheme, "+"+string(source)); ok && s.Source == SourceAddress && !unix {
			s.Scheme, s.Source = short, source
		}
	}
	switch s.Scheme {
	case "http":
		s.Scheme = "ws"
	case "https":
		s.Scheme = "wss"
	}
	switch {
	case s.Scheme == "ws", s.Scheme == "h2c", s.Scheme == "ws+h2c":
		return unix, nil
	case !s.Secure():
		return false, fmt.Errorf("scheme %q is not supported: use ws (or http), h2c or ws+h2c, "+
			"with TLS wss (or https), h2 or wss+h2, at a unix socket unix, h2c+unix or ws+h2c+unix, "+
			"found by SRV records with +srv behind these (ws+srv), by Kubernetes with +k8s", scheme)
	case unix:
		return false, errors.New("TLS is not spoken over unix sockets: use unix, h2c+unix or ws+h2c+unix")
	}
	return false, nil
}

// set applies what follows '#'.
func (s *Spec) set(settings string) (err error) {
	for setting := range strings.SplitSeq(settings, "&") {
		switch key, value, _ := strings.Cut(setting, "="); key {
		case "weight":
			err = setNumber(&s.Weight, key, value, 1, maxWeight)
		case "max":
			err = setNumber(&s.Max, key, value, 1, maxMax)
		case "priority":
			err = setNumber(&s.Priority, key, value, 0, maxLevel)
		case "backup":
			if value != "" {
				return fmt.Errorf("backup stands alone; write priority=%s", value)
			}
			s.Priority = 1
		case "zone":
			err = setName(&s.Zone, key, value)
		case "proxy-protocol":
			if value != "v1" && value != "v2" {
				return fmt.Errorf("proxy-protocol %q is neither v1 nor v2", value)
			}
			if s.Pools() {
				return fmt.Errorf("proxy-protocol names one client for a connection, but with %s many share one: use ws or wss", s.Scheme)
			}
			s.Proxy = int(value[1] - '0')
		case "id":
			err = setName(&s.ID, key, value)
		default:
			return fmt.Errorf("unknown setting %q: weight=N, max=N, priority=N, backup, zone=NAME, id=NAME and proxy-protocol=v1 or v2 are known", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func setNumber(to *int, key, value string, least, most int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%s %q is not a number from %d to %d", key, value, least, most)
	}
	*to = n
	return nil
}

func setName(to *string, key, value string) error {
	if value == "" || len(value) > maxID || strings.ContainsFunc(value, notInName) {
		return fmt.Errorf("%s %q is not a name of 1 to %d letters, digits, '.', '_' and '-'", key, value, maxID)
	}
	*to = value
	return nil
}

// setAuthority reads "host[:port]", perhaps with a slash behind it.
func (s *Spec) setAuthority(rest string) error {
	rest = strings.TrimSuffix(rest, "/")
	switch {
	case strings.Contains(rest, "?"):
		return errors.New("a query is not allowed: the client's own is passed on")
	case strings.Contains(rest, "/"):
		return errors.New("a path is not allowed: the client's own is passed on")
	}
	fallback := "80"
	if s.Secure() {
		fallback = "443"
	}
	host, port, err := splitAuthority(rest, fallback)
	if err != nil {
		return err
	}
	if s.Port, err = parsePort(port); err != nil {
		return err
	}
	s.Host, err = parseHost(host, strings.HasPrefix(rest, "["))
	return err
}

// setServiceName reads the name of a service that DNS knows. Its domain names the backend where a name is needed.
func (s *Spec) setServiceName(rest string) (err error) {
	if strings.ContainsAny(rest, ":/?[") {
		return fmt.Errorf("%q is not the name of a service alone: its port is in the SRV records; write ws+srv://_ws._tcp.chat.example.com", rest)
	}
	if s.Host, err = parseName(strings.ToLower(rest)); err != nil {
		return err
	}
	if strings.Trim(s.serverName(), ".") == "" {
		return fmt.Errorf("%q has no domain: write ws+srv://_ws._tcp.chat.example.com", rest)
	}
	return nil
}

// setService reads a Kubernetes Service and its port.
func (s *Spec) setService(rest string) error {
	host, port, ok := strings.Cut(strings.ToLower(rest), ":")
	if !ok {
		return errors.New("the port of the Service is missing, a number or name: write ws+k8s://service.namespace:80")
	}
	service, err := kube.ParseService(host, port)
	if err != nil {
		return err
	}
	s.Host, s.ServicePort = service.Name+"."+service.Namespace, service.Port
	return nil
}

// splitAuthority parts host from port; the port is the fallback where there is none.
func splitAuthority(s, fallback string) (host, port string, err error) {
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

// parsePath checks the path of a unix socket, whose one form is the shortest. Controls, spaces and what else has a meaning in a
// URL are kept out of the names that logs and metrics show.
func parsePath(s string) (string, error) {
	const meaningful = `?%"\`
	switch {
	case !strings.HasPrefix(s, "/"):
		return "", errors.New("the path of a unix socket begins with a slash: write unix:///run/app.sock")
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(meaningful, r) }):
		return "", fmt.Errorf("path %q holds a character that is not allowed: use printable ASCII without spaces, ?, %%, quotes and backslashes", s)
	}
	switch clean := path.Clean(s); {
	case clean == "/":
		return "", errors.New("the path of the unix socket names no file")
	case clean != s:
		return "", fmt.Errorf("path %q has needless parts: write %s", s, clean)
	case len(s) > maxPath:
		return "", fmt.Errorf("the path of the unix socket is longer than %d bytes", maxPath)
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
