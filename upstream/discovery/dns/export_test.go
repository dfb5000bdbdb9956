package dns

import (
	"net/netip"
	"time"
)

// Recheck has the files looked at again at the next look-up.
func (r *Resolver) Recheck() {
	r.conf.seen, r.hosts.seen = time.Time{}, time.Time{}
}

// Keep has the files not looked at for an hour.
func (r *Resolver) Keep() {
	r.conf.seen, r.hosts.seen = time.Now().Add(time.Hour), time.Now().Add(time.Hour)
}

// ParseHosts is what a hosts file says of a name.
func ParseHosts(text, name string) []netip.Addr {
	h, _ := parseHosts(text)
	return h.lookup(name)
}

// ParseConfig is which servers and names a resolv.conf leads to, and how many tries of which length.
func ParseConfig(text, name string) (servers, names []string, attempts int, timeout time.Duration) {
	c, _ := parseConfig(text)
	return c.servers, c.names(name), c.attempts, c.timeout
}
