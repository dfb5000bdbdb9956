package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"weir/codec/http1"
	"weir/upstream"
)

// Validate returns all that is wrong with c, joined, each with the knob's name
// and, if Load made c, the place where its value was given.
func (c *Config) Validate() error {
	v := verdict{places: c.places}
	v.limits(c)
	v.backends(c)
	v.addresses(c)
	v.watermarks(c)
	v.headers(c)
	v.metricsPush(c)
	if c.DrainCode != 1001 && c.DrainCode != 1012 {
		v.wrong("drain-code", "%d is not 1001 (going away) or 1012 (service restart)", c.DrainCode)
	}
	if p := c.HealthPath; p != "" && (p[0] != '/' || !printable(p)) {
		v.wrong("health-path", "%q is not a path; it begins with / and holds no spaces", p)
	}
	if !printable(c.AdminToken) {
		v.wrong("admin-token", "holds a space or a control character, which no Authorization header can carry")
	}
	return errors.Join(v.problems...)
}

// Backends are the endpoints that Upstream names.
func (c *Config) Backends() ([]upstream.Spec, error) {
	return each(c.Upstream, upstream.ParseSpec)
}

// HeaderRules are the rules of RequestHeader and ResponseHeader, UpstreamHost and Forwarded.
func (c *Config) HeaderRules() (http1.Rules, error) {
	request, err := each(c.RequestHeader, http1.ParseRule)
	response, err2 := each(c.ResponseHeader, http1.ParseRule)
	rules := http1.Rules{Request: request, Response: response, Host: c.UpstreamHost, Forwarded: c.Forwarded}
	return rules, errors.Join(err, err2)
}

// HasAdmin is false where the admin listener is switched off.
func (c *Config) HasAdmin() bool { return c.Admin != "off" }

// each parses all texts and joins the errors.
func each[T any](texts []string, parse func(string) (T, error)) ([]T, error) {
	var all []T
	var problems []error
	for _, text := range texts {
		one, err := parse(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		all = append(all, one)
	}
	return all, errors.Join(problems...)
}

// A verdict collects what is wrong.
type verdict struct {
	places   map[string]string
	problems []error
}

func (v *verdict) wrong(name, format string, args ...any) {
	place := v.places[name]
	if place == "" {
		place = name
	}
	v.problems = append(v.problems, fmt.Errorf("%s: %w", place, fmt.Errorf(format, args...)))
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

func (v *verdict) limits(c *Config) {
	for i := range knobs {
		k := &knobs[i]
		if value := k.of(c); k.limit.set && !k.limit.admits(value) {
			v.wrong(k.name, "%s is out of range; write %s", k.text(value), k.limit.rangeWords)
		}
	}
}

func (v *verdict) backends(c *Config) {
	switch {
	case c.Demo && len(c.Upstream) > 0:
		v.wrong("demo", "the demo is its own backend; take away this or upstream")
	case !c.Demo && len(c.Upstream) == 0:
		v.wrong("upstream", "no backend given; name one with --upstream ws://HOST:PORT, or use --demo")
	}
	_, err := c.Backends()
	v.reject("upstream", err)
}

func (v *verdict) addresses(c *Config) {
	if len(c.Listen) == 0 {
		v.wrong("listen", "no address given; write one such as :8080")
	}
	taken := map[string]bool{}
	for _, addr := range c.Listen {
		v.address("listen", addr, taken)
	}
	if c.HasAdmin() {
		v.address("admin", c.Admin, taken)
	}
}

// address refuses what cannot be listened on and what is listened on already.
func (v *verdict) address(name, addr string, taken map[string]bool) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		v.wrong(name, "%q is not an address; write HOST:PORT or :PORT", addr)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		v.wrong(name, "%q: port %q is not a number from 0 to 65535", addr, port)
	} else if n != 0 && taken[addr] {
		v.wrong(name, "%s is listened on twice", addr)
	}
	taken[addr] = true
}

func (v *verdict) watermarks(c *Config) {
	if c.HighWater < 2*c.ReadBuffer {
		v.wrong("high-water", "%s is less than twice read-buffer (%s); write at least %s",
			c.HighWater, c.ReadBuffer, 2*c.ReadBuffer)
	}
	if c.LowWater >= c.HighWater {
		v.wrong("low-water", "%s is not below high-water (%s)", c.LowWater, c.HighWater)
	}
	if c.MaxMessageSize > 0 && c.MaxFrameSize > c.MaxMessageSize {
		v.wrong("max-frame-size", "%s is more than max-message-size (%s)", c.MaxFrameSize, c.MaxMessageSize)
	}
}

func (v *verdict) headers(c *Config) {
	_, err := each(c.RequestHeader, http1.ParseRule)
	v.reject("request-header", err)
	_, err = each(c.ResponseHeader, http1.ParseRule)
	v.reject("response-header", err)
	if name := c.EndpointHeader; name != "" {
		_, err := http1.ParseRule("add " + name + ": x")
		v.reject("endpoint-header", err)
	}
	if h := c.UpstreamHost; h != "" && (!printable(h) || strings.ContainsAny(h, "/@?#") || !httpguts.ValidHostHeader(h)) {
		v.wrong("upstream-host", "%q is not a host with an optional port", h)
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
