package dns

import (
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	maxServers = 3  // as libc has it
	maxSearch  = 32 // as Kubernetes has it
	maxName    = 254
)

// A config is what resolv.conf says, see resolv.conf(5).
type config struct {
	servers  []string // never empty
	search   []string // with a dot at the end
	ndots    int
	timeout  time.Duration
	attempts int
	rotate   bool
	oneByOne bool // single-request
	tcp      bool // use-vc
}

// parseConfig reads resolv.conf; final tells that it asks not to be read again. Like libc it skips what it cannot read.
func parseConfig(text string) (c *config, final bool) {
	c = &config{ndots: 1, timeout: 5 * time.Second, attempts: 2}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.ContainsAny(line[:1], "#;") {
			continue
		}
		switch f[0] {
		case "nameserver":
			if _, err := netip.ParseAddr(f[1]); err == nil && len(c.servers) < maxServers {
				c.servers = append(c.servers, net.JoinHostPort(f[1], "53"))
			}
		case "domain":
			c.setSearch(f[1:2])
		case "search":
			c.setSearch(f[1:])
		case "options":
			for _, o := range f[1:] {
				final = o == "no-reload" || final
				c.setOption(o)
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []string{"127.0.0.1:53"}
	}
	if len(c.search) == 0 {
		host, _ := os.Hostname()
		if _, domain, _ := strings.Cut(host, "."); domain != "" {
			c.setSearch([]string{domain})
		}
	}
	return c, final
}

func (c *config) setSearch(domains []string) {
	c.search = nil
	for _, d := range domains[:min(len(domains), maxSearch)] {
		if d = strings.TrimSuffix(d, "."); d != "" {
			c.search = append(c.search, d+".")
		}
	}
}

func (c *config) setOption(o string) {
	key, value, _ := strings.Cut(o, ":")
	n, _ := strconv.Atoi(value)
	switch key {
	case "ndots":
		c.ndots = min(max(n, 0), 15)
	case "timeout":
		c.timeout = time.Duration(min(max(n, 1), 30)) * time.Second
	case "attempts":
		c.attempts = min(max(n, 1), 5)
	case "rotate":
		c.rotate = true
	case "single-request", "single-request-reopen":
		c.oneByOne = true
	case "use-vc", "usevc", "tcp":
		c.tcp = true
	}
}

// domainName are names that may be asked for, as in package net; what consists of digits alone is an address gone wrong.
var domainName = regexp.MustCompile(`^(\w([\w-]{0,61}\w)?\.)*\w([\w-]{0,61}\w)?\.?$`)

// names are those to ask for, one after the other, until one exists. There is none for what is no domain name, nor for
// names of Tor's, which must not become known to name servers (RFC 7686).
func (c *config) names(name string) (all []string) {
	if !domainName.MatchString(name) || strings.Trim(name, "0123456789.") == "" {
		return nil
	}
	add := func(fqdn string) {
		if len(fqdn) <= maxName && !strings.HasSuffix(strings.ToLower(fqdn), ".onion.") {
			all = append(all, fqdn)
		}
	}
	if strings.HasSuffix(name, ".") {
		add(name)
		return all
	}
	absolute := strings.Count(name, ".") >= c.ndots
	if absolute {
		add(name + ".")
	}
	for _, domain := range c.search {
		add(name + "." + domain)
	}
	if !absolute {
		add(name + ".")
	}
	return all
}
