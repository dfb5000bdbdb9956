package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"weir/codec/http1"
)

// Check finds what is wrong with the options as they are written: methods, algorithms, URLs, the names of fields. It
// opens no file and calls nobody. New checks the same first.
func (o *Options) Check() error {
	if o.JWT == nil && o.Basic == nil && o.Keys == nil && o.Forward == nil {
		return errors.New("auth: no method is chosen: JWT, basic, API keys or forward")
	}
	for _, name := range o.headers() {
		if _, err := http1.ParseRule("set " + name + ": x"); err != nil || strings.EqualFold(name, "host") {
			return fmt.Errorf("auth: %q is no field to tell the backend who comes in", name)
		}
	}
	if o.JWT != nil {
		if _, err := o.JWT.check(); err != nil {
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
	if o.Forward != nil {
		names = append(names, o.Forward.ResponseHeaders...)
	}
	return names
}

// missing is the refusal of one who brought nothing, with the challenges of all methods.
func (o *Options) missing() *http1.Refusal {
	why := Missing
	if o.JWT != nil {
		why = with(why, bearerChallenge)
	}
	if o.Basic != nil {
		why = with(why, basicChallenge)
	}
	if o.Keys != nil {
		why = with(why, keyChallenge)
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
	case o.Leeway < 0:
		return nil, errors.New("JWT: the leeway is negative")
	}
	for _, h := range o.Headers {
		if h.Claim == "" {
			return nil, fmt.Errorf("JWT: the field %s is to tell a claim without a name", h.Header)
		}
	}
	for _, src := range o.From {
		if err := src.check(); err != nil {
			return nil, fmt.Errorf("JWT: %w", err)
		}
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
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return fmt.Errorf("JWT: key set %s: over http anybody on the way can make keys; use https, or a file (jwt-keys)", shown(o.URL))
	}
	for name, a := range allowed {
		if a.family == secret {
			return fmt.Errorf("JWT: %s needs a secret, and what the key set's URL serves is none: use a key file", name)
		}
	}
	return nil
}

func (o *Forward) check() error {
	u, err := parseURL("forward auth", o.URL)
	switch {
	case err != nil:
		return err
	case u.User != nil:
		return errors.New("forward auth: the URL has a name or password; the service would take them for the client's")
	case o.Timeout < 0 || o.TTL < 0 || o.NegativeTTL < 0:
		return errors.New("forward auth: a time is negative")
	}
	if o.SubjectHeader != "" && !isToken(o.SubjectHeader) {
		return fmt.Errorf("forward auth: %q is no field name", o.SubjectHeader)
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
