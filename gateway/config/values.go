package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"weir/codec/http1"
	"weir/upstream"
)

// Backends are the endpoints that Upstream names.
func (c *Config) Backends() ([]upstream.Spec, error) {
	return each(c.Upstream, upstream.ParseSpec)
}

// HTTPBackends are the endpoints that HTTPUpstream names; with none, plain
// requests go to Backends.
func (c *Config) HTTPBackends() ([]upstream.Spec, error) {
	return each(c.HTTPUpstream, func(text string) (upstream.Spec, error) {
		spec, err := upstream.ParseSpec(text)
		if err == nil && spec.Proxy != 0 {
			err = fmt.Errorf("upstream %q: clients share the connections of plain requests, so that no PROXY header can tell who they are", text)
		}
		return spec, err
	})
}

// HeaderRules are what RequestHeader, ResponseHeader, UpstreamHost, Forwarded,
// ForwardedStandard and TLSClientHeader ask for.
func (c *Config) HeaderRules() (http1.Rules, error) {
	request, err := each(c.RequestHeader, http1.ParseRule)
	response, err2 := each(c.ResponseHeader, http1.ParseRule)
	rules := http1.Rules{Request: request, Response: response, Host: c.UpstreamHost,
		Forwarded: c.Forwarded, Standard: c.ForwardedStandard, Identity: c.TLSClientHeader}
	return rules, errors.Join(err, err2)
}

// HasAdmin is false where the admin listener is switched off.
func (c *Config) HasAdmin() bool { return c.Admin != "off" }

// Rewrite is what PathRewrite asks for: a function that gives what becomes of a path, nil if that is left as it is. It
// is nil where there is no rule.
func (c *Config) Rewrite() (func(path []byte) []byte, error) {
	if c.PathRewrite == "" {
		return nil, nil
	}
	words := strings.Fields(c.PathRewrite)
	if len(words) != 2 {
		return nil, fmt.Errorf("%q is not 'REGEXP REPLACEMENT', with one space between and none inside", c.PathRewrite)
	}
	re, err := regexp.Compile(words[0])
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression: %w", words[0], err)
	}
	into := words[1]
	if into[0] != '/' && into[0] != '$' || !printable(into) || strings.ContainsAny(into, "?#") {
		return nil, fmt.Errorf("%q makes no path; it begins with / or a group, and holds no ? or #", into)
	}
	if err := checkGroups(re, into); err != nil {
		return nil, err
	}
	template := []byte(into)
	return func(path []byte) []byte {
		at := re.FindSubmatchIndex(path)
		if at == nil {
			return nil
		}
		out := re.Expand(nil, template, path, at)
		if len(out) == 0 || out[0] != '/' {
			out = append([]byte{'/'}, out...)
		}
		return out
	}, nil
}

var groupName = regexp.MustCompile(`\$\$|\$(\w+)|\$\{(\w+)\}`)

// checkGroups refuses a group that re does not have: Expand would put nothing in its place.
func checkGroups(re *regexp.Regexp, replacement string) error {
	for _, m := range groupName.FindAllStringSubmatch(replacement, -1) {
		name := m[1] + m[2]
		if n, err := strconv.Atoi(name); err == nil && n > re.NumSubexp() || err != nil && name != "" && !slices.Contains(re.SubexpNames(), name) {
			return fmt.Errorf("%s is no group of the expression; groups are $1 and so on, before a letter or digit ${1}", m[0])
		}
	}
	return nil
}

// CipherSuites are the numbers of TLSCiphers; nil where none is given.
func (c *Config) CipherSuites() ([]uint16, error) {
	return each(c.TLSCiphers, func(name string) (uint16, error) {
		for _, s := range tls.CipherSuites() {
			switch {
			case s.Name != name:
			case !slices.Contains(s.SupportedVersions, tls.VersionTLS12):
				return 0, fmt.Errorf("%s is one of TLS 1.3, whose cipher suites are always all offered", name)
			default:
				return s.ID, nil
			}
		}
		for _, s := range tls.InsecureCipherSuites() {
			if s.Name == name {
				return 0, fmt.Errorf("%s is not secure", name)
			}
		}
		return 0, fmt.Errorf("%q is not a cipher suite; write a name such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", name)
	})
}

var curves = map[string]tls.CurveID{
	"X25519MLKEM768": tls.X25519MLKEM768, "X25519": tls.X25519, "P-256": tls.CurveP256, "P-384": tls.CurveP384, "P-521": tls.CurveP521,
}

// Curves are the numbers of TLSCurves; nil where none is given.
func (c *Config) Curves() ([]tls.CurveID, error) {
	return each(c.TLSCurves, func(name string) (tls.CurveID, error) {
		id, known := curves[name]
		if !known {
			return 0, fmt.Errorf("%q is not X25519MLKEM768, X25519, P-256, P-384 or P-521", name)
		}
		return id, nil
	})
}

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
