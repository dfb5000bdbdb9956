package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"runtime"
	"strings"

	"weir/gateway/clientaddr"
)

// Validate returns all that is wrong with c, joined, each with the knob's name
// and, if Load made c, the place where its value was given. No file is opened.
func (c *Config) Validate() error {
	v := verdict{places: c.places, told: map[string]bool{}}
	if c.hasBackend() || c.isRoute() {
		v.backends(c)
	}
	for i := range knobs {
		v.limit(&knobs[i], c)
	}
	if c.LoopFileTables && runtime.GOOS != "linux" {
		v.wrong("loop-file-tables", "%s has one file table for all threads of a process; only Linux has more", runtime.GOOS)
	}
	v.perRoute(c)
	if c.isRoute() {
		v.fits(c)
	}
	v.addresses(c)
	v.watermarks(c)
	v.tls(c)
	v.acme(c)
	v.clients(c)
	v.metricsPush(c)
	if c.DrainCode != 1001 && c.DrainCode != 1012 {
		v.wrong("drain-code", "%d is not 1001 (going away) or 1012 (service restart)", c.DrainCode)
	}
	if !printable(c.AdminToken) {
		v.wrong("admin-token", "holds a space or a control character, which no Authorization header can carry")
	}
	v.routes(c)
	v.sites(c)
	return errors.Join(v.problems...)
}

// A verdict collects what is wrong.
type verdict struct {
	places   map[string]string
	where    string          // of the route or site, for what was not given there
	told     map[string]bool // problems with the top level, of which a route that inherits them says nothing
	problems []error
}

func (v *verdict) wrong(name, format string, args ...any) {
	place, err := v.places[name], fmt.Errorf(format, args...)
	if place == "" {
		if v.told[name+err.Error()] && v.where != "" {
			return
		}
		place = v.where + name
	}
	if v.where == "" {
		v.told[name+err.Error()] = true
	}
	v.problems = append(v.problems, fmt.Errorf("%s: %w", place, err))
}

// reject notes err, if any, as one problem for each line it joins.
func (v *verdict) reject(name string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			v.reject(name, e)
		}
	} else if err != nil {
		v.wrong(name, "%w", err)
	}
}

func (v *verdict) limit(k *knob, c *Config) {
	if value := k.of(c); k.limit.set && !k.limit.admits(value) {
		v.wrong(k.name, "%s is out of range; write %s", k.text(value), k.limit.rangeWords)
	}
}

func (v *verdict) backends(c *Config) {
	switch {
	case c.Demo && len(c.Upstream)+len(c.UpstreamFile) > 0:
		v.wrong("demo", "the demo is its own backend; take away this or upstream")
	case !c.hasBackend():
		v.wrong("upstream", "no backend given; name one with --upstream ws://HOST:PORT, or use --demo")
	}
}

func (v *verdict) watermarks(c *Config) {
	if c.HighWater < 2*c.ReadBuffer {
		v.wrong("high-water", "%s is less than twice read-buffer (%s); write at least %s",
			c.HighWater, c.ReadBuffer, 2*c.ReadBuffer)
	}
	if c.LowWater >= c.HighWater {
		v.wrong("low-water", "%s is not below high-water (%s)", c.LowWater, c.HighWater)
	}
}

const minStickyKey = 16 // bytes; fewer could be guessed

func (v *verdict) clients(c *Config) {
	_, err := clientaddr.ParseSet(c.TrustedProxies)
	v.reject("trusted-proxies", err)
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		v.wrong("proxy-protocol", "nobody is trusted to send a PROXY header; name the proxies in trusted-proxies")
	}
	if n := len(c.StickyKey); n > 0 && n < minStickyKey {
		v.wrong("sticky-key", "%d bytes can be guessed; write at least %d", n, minStickyKey)
	}
}

// pushLabels is a list of labels as Prometheus writes them.
var pushLabels = regexp.MustCompile(`^[a-zA-Z_]\w*="[^"\\]*"(,[a-zA-Z_]\w*="[^"\\]*")*$`)

func (v *verdict) metricsPush(c *Config) {
	if c.MetricsPushURL != "" {
		u, err := url.Parse(c.MetricsPushURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			v.wrong("metrics-push-url", "not a URL such as http://HOST:PORT/PATH")
		}
	}
	if l := c.MetricsPushLabels; l != "" && !pushLabels.MatchString(l) {
		v.wrong("metrics-push-labels", "%q is not a list such as instance=\"a\",zone=\"b\"", l)
	}
}

// printable is false for spaces, control characters and what is not ASCII.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
