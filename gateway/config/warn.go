package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// WholeMessage bounds messages that are looked at as a whole where max-message-size sets no limit, in bytes. The worst that
// can be sent in as much takes a loop 0.14 s to inflate, while its other sessions wait.
const WholeMessage = 1 << 20

func (c *Config) warn(place, format string, args ...any) {
	c.warnings = append(c.warnings, place+": "+fmt.Sprintf(format, args...))
}

// Warnings tell what is legal in c, which is valid, but hardly meant, each with its place as in Validate's errors.
func (c *Config) Warnings() []string {
	v := verdict{places: c.places, told: map[string]bool{}}
	v.doubtProxies(c)
	if c.TLSClientCA != "" && c.TLSClientAuth == ClientAuthOff && !slices.ContainsFunc(c.Sites, Site.asks) {
		v.wrong("tls-client-ca", "is of no use: tls-client-auth asks no client for a certificate, and no site does")
	}
	if c.LoopFileTables && c.Loops != 1 && slices.ContainsFunc(slices.Concat(c.Listen, c.TLSListen), isSocket) {
		v.wrong("loop-file-tables", "one loop alone serves a unix socket, as no socket can be in two file tables")
	}
	if c.isRoute() {
		v.doubt(c)
	}
	for i := range c.Routes {
		if r := &c.Routes[i]; !r.added {
			one := verdict{places: r.places, where: r.at(i) + ": ", told: v.told}
			one.doubt(r.Config)
			v.problems = append(v.problems, one.problems...)
		}
	}
	v.doubtRoutes(c)
	v.doubtOpen(c)
	all := slices.Clone(c.warnings)
	for _, err := range v.problems {
		all = append(all, err.Error())
	}
	return all
}

func isSocket(addr string) bool { return strings.HasPrefix(addr, "unix:") }

func (s Site) asks() bool { return s.ClientAuth != ClientAuthOff }

// doubt looks at what a route may have values of its own for.
func (v *verdict) doubt(c *Config) {
	if c.IdleTimeout > 0 && c.PingInterval >= c.IdleTimeout {
		v.wrong("ping-interval", "%s is not below idle-timeout (%s): a silent session is closed before it is pinged", durationText(c.PingInterval), durationText(c.IdleTimeout))
	}
	if c.IdleTimeout > 0 && c.BackendPing >= c.IdleTimeout {
		v.wrong("backend-ping-interval", "%s is not below idle-timeout (%s): a silent session is closed before its backend is pinged", durationText(c.BackendPing), durationText(c.IdleTimeout))
	}
	if c.StickyCookie != "" && c.StickySameSite == SameSiteNone && len(c.TLSListen) == 0 && len(c.TrustedProxies) == 0 {
		v.wrong("sticky-same-site", "browsers accept a cookie of none only over TLS; there is no tls-listen, and no proxy in trusted-proxies that could end TLS")
	}
	if c.MaxMessageSize > 0 {
		return
	}
	const limit = "sessions with a message of more than %s are closed with 1009, because max-message-size sets no other limit"
	if c.Compression == CompressionGateway {
		v.wrong("compression", limit, Size(WholeMessage))
	}
	if c.Messages == MessagesJSON {
		v.wrong("messages", limit, Size(WholeMessage))
	}
}

// doubtRoutes tells of those that another one leaves nothing to.
func (v *verdict) doubtRoutes(c *Config) {
	table, err := c.Table()
	if err != nil {
		return
	}
	for i, by := range table.Covered() {
		if r := &c.Routes[i]; by >= 0 {
			one := verdict{places: r.places, where: r.at(i) + ": "}
			one.wrong("match", "route %s is never taken: %s before it takes all its requests", r.Name, c.Routes[by].Name)
			v.problems = append(v.problems, one.problems...)
		}
	}
}

// doubtOpen tells of routes that let everybody to a backend that a route before them asks a credential for.
func (v *verdict) doubtOpen(c *Config) {
	for i := range c.Routes {
		guard := &c.Routes[i]
		if !guard.Config.needsCredential() {
			continue
		}
		names := guard.Config.backendNames()
		open := slices.IndexFunc(c.Routes[i+1:], func(r Route) bool {
			return !r.Config.needsCredential() && slices.ContainsFunc(r.Config.backendNames(), func(name string) bool { return slices.Contains(names, name) })
		})
		if open >= 0 {
			one := verdict{places: guard.places, where: guard.at(i) + ": "}
			one.wrong("match", "route %s requires a credential, but route %s after it leads to the same backend without one: a path that only the backend reads as one of %s would bypass the check. Use different backends for the two, or let the backend check the credential", guard.Name, c.Routes[i+1+open].Name, guard.Name)
			v.problems = append(v.problems, one.problems...)
		}
	}
}

func (v *verdict) doubtProxies(c *Config) {
	everybody := slices.IndexFunc(c.TrustedProxies, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && (p.Bits() == 0 || p.Addr().Is4In6() && p.Bits() == 96)
	})
	if everybody >= 0 {
		v.wrong("trusted-proxies", "%s includes every client: any client could claim any address and bypass allow, deny and limits per address", c.TrustedProxies[everybody])
	}
}
