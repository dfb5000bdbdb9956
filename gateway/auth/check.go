package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"weir/codec/http1"
)

func (o *Options) check() error {
	if o.JWT == nil && o.Basic == nil && o.Keys == nil && o.Forward == nil {
		return errors.New("auth: no method is chosen: JWT, basic, API keys or forward")
	}
	for _, name := range o.headers() {
		if _, err := http1.ParseRule("set " + name + ": x"); err != nil || strings.EqualFold(name, "host") {
			return fmt.Errorf("auth: %q is no field to tell the backend who comes in", name)
		}
	}
	if b := o.Basic; b != nil && (!fitsField(b.Realm) || strings.ContainsAny(b.Realm, `"\`)) {
		return fmt.Errorf("basic auth: the realm %q has quotes, backslashes or control bytes", b.Realm)
	}
	if k := o.Keys; k != nil {
		if err := checkSources("API keys", k.From); err != nil {
			return err
		}
	}
	if o.Forward != nil {
		return o.Forward.check()
	}
	return nil
}

// headers are the names of all fields that the backend may be told.
func (o *Options) headers() (names []string) {
	if o.JWT != nil {
		for _, h := range o.JWT.Headers {
			names = append(names, h.Header)
		}
	}
	if o.Basic != nil && o.Basic.Header != "" {
		names = append(names, o.Basic.Header)
	}
	if o.Keys != nil && o.Keys.Header != "" {
		names = append(names, o.Keys.Header)
	}
	if o.Forward != nil {
		names = append(names, o.Forward.ResponseHeaders...)
	}
	return names
}

// missing is the refusal of one who brought nothing, with the challenges of all methods.
func (o *Options) missing() *http1.Refusal {
	why := Missing
	if o.JWT != nil {
		why = with(why, "Bearer")
	}
	if o.Basic != nil {
		why = with(why, basicChallenge(o.Basic.Realm))
	}
	return why
}

func (o *JWT) check() (map[string]algorithm, error) {
	allowed, err := chosen(o.Algorithms)
	if err != nil {
		return nil, err
	}
	switch {
	case (o.KeyFile == "") == (o.URL == ""):
		return nil, errors.New("JWT: give either a key file or the URL of a JWK set")
	case o.Leeway < 0 || o.Interval < 0 || o.Window < 0 || o.Timeout < 0:
		return nil, errors.New("JWT: a time is negative")
	case o.Interval < o.Window:
		return nil, fmt.Errorf("JWT: the key set's interval, %v, is below the window of one fetch, %v", o.Interval, o.Window)
	}
	for _, h := range o.Headers {
		if h.Claim == "" {
			return nil, fmt.Errorf("JWT: the field %s is to tell a claim without a name", h.Header)
		}
	}
	for _, r := range o.Required {
		if r.Claim == "" {
			return nil, errors.New("JWT: a required claim has no name")
		}
	}
	if err := checkSources("JWT", o.From); err != nil {
		return nil, err
	}
	if o.URL != "" {
		return allowed, o.checkURL(allowed)
	}
	return allowed, nil
}

func (o *JWT) checkURL(allowed map[string]algorithm) error {
	u, err := parseURL("JWT: key set", o.URL)
	if err != nil {
		return err
	}
	if u.Scheme == "http" && !o.AllowHTTP && !isLoopback(u.Hostname()) {
		return fmt.Errorf("JWT: key set %s: over http anybody on the way can make keys; use https, or allow http", shown(o.URL))
	}
	for name, a := range allowed {
		if a.family == secret {
			return fmt.Errorf("JWT: %s needs a secret, and what the key set's URL serves is none: use a key file", name)
		}
	}
	return nil
}

func (o *Forward) check() error {
	if _, err := parseURL("forward auth", o.URL); err != nil {
		return err
	}
	if o.Timeout < 0 || o.TTL < 0 || o.NegativeTTL < 0 || o.Concurrency < 0 || o.CacheSize < 0 {
		return errors.New("forward auth: a time or a number is negative")
	}
	for _, name := range o.RequestHeaders {
		_, err := http1.ParseRule("set " + name + ": x")
		if lower := strings.ToLower(name); err != nil || lower == "host" || strings.HasPrefix(lower, "x-forwarded-") {
			return fmt.Errorf("forward auth: %q is no field of the client's to pass on; X-Forwarded-Host and its like are set anyway", name)
		}
	}
	if o.SubjectHeader != "" && !isToken(o.SubjectHeader) {
		return fmt.Errorf("forward auth: %q is no field name", o.SubjectHeader)
	}
	return nil
}

// strip is what is surely a credential; a cookie may be another's.
func (o *Forward) strip() Strip {
	if slices.ContainsFunc(o.RequestHeaders, func(s string) bool { return strings.EqualFold(s, "authorization") }) {
		return Strip{{Place: Header, Name: "Authorization"}}
	}
	return nil
}

func checkSources(what string, from []Source) error {
	for _, src := range from {
		if err := src.check(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// parseURL refuses without repeating it: a URL may hold a password.
func parseURL(what, s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s: the URL is none of http or https", what)
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
