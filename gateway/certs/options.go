package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"weir/internal/watch"
)

// Options say what a Store holds. Their files are read by New, and again when they change.
type Options struct {
	Pairs         []Pair // the first is the default
	RejectUnknown bool   // unknown or missing server name: alert unrecognized_name instead of the default

	MinVersion, MaxVersion uint16        // as in tls.Config; 0: Go's choice
	CipherSuites           []uint16      // up to TLS 1.2
	Curves                 []tls.CurveID // nil: Go's choice
	ALPN                   []string

	ClientAuth Auth
	ClientCA   string // PEM file
	Sites      []Site // differ from the two above

	Tickets    bool
	TicketKeys string   // file of a key of 32 bytes a line, hex or base64; the first seals, all open; "": made of Secrets
	Secrets    *Secrets // nil: the Store has its own

	Past           watch.Past    // of the configuration before; nil: there is none
	ReloadInterval time.Duration // how often files are looked at; 0: only on Reload
	ACME           *ACME         // nil: none

	// OnReload is told of each change taken (nil), each that failed (the old value stays) and each certificate taken
	// outside its time (ErrExpired), by New, Reload and in between. Calls never overlap. It must not call the Store.
	OnReload func(what string, err error)
}

// Pair is a certificate chain, leaf first, and its private key, as PEM files.
type Pair struct{ Cert, Key string }

// Auth says whether clients show a certificate.
type Auth uint8

const (
	Off     Auth = iota // none is asked for
	Ask                 // verified if sent
	Require             // no handshake without
)

var authTypes = [...]tls.ClientAuthType{
	Off: tls.NoClientCert, Ask: tls.VerifyClientCertIfGiven, Require: tls.RequireAndVerifyClientCert,
}

// Site has its own rules for client certificates.
type Site struct {
	Names      []string // exact, or *.example.com for all below; of several the longest counts
	ClientAuth Auth
	ClientCA   string // PEM file; "": that of Options
}

// ErrExpired marks a certificate that was taken although its time is over or has not come.
var ErrExpired = errors.New("outside its validity")

// ErrNone marks a failure to obtain a certificate where there is no other to serve meanwhile.
var ErrNone = errors.New("there is none yet")

func (o *Options) check() error {
	if len(o.Pairs) == 0 && o.ACME == nil {
		return errors.New("TLS needs a certificate: give a certificate with its key, or ACME domains")
	}
	if o.MinVersion != 0 && o.MaxVersion != 0 && o.MinVersion > o.MaxVersion {
		return fmt.Errorf("TLS versions: the lowest, %s, is above the highest, %s",
			tls.VersionName(o.MinVersion), tls.VersionName(o.MaxVersion))
	}
	if err := checkAuth("TLS client certificates", o.ClientAuth, o.ClientCA); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, site := range o.Sites {
		if len(site.Names) == 0 {
			return fmt.Errorf("TLS site %d has no names", i+1)
		}
		what := "TLS site " + site.Names[0]
		if err := checkAuth(what, site.ClientAuth, site.caFile(o)); err != nil {
			return err
		}
		for _, name := range site.Names {
			if err := checkName(name); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			if name = strings.ToLower(name); seen[name] {
				return fmt.Errorf("%s: the name %s stands twice; a name belongs to one site", what, name)
			}
			seen[name] = true
		}
	}
	if o.ACME != nil {
		return o.ACME.check()
	}
	return nil
}

// sites are all sets of rules, those for the other names first.
func (o *Options) sites() []Site {
	return append([]Site{{ClientAuth: o.ClientAuth}}, o.Sites...)
}

// caFile is the file of the authorities that vouch for the site's clients.
func (s *Site) caFile(o *Options) string {
	if s.ClientCA != "" {
		return s.ClientCA
	}
	return o.ClientCA
}

// checkAuth refuses an Auth without authorities: crypto/tls would fall back on the system's, and every certificate
// that any public authority ever issued would pass.
func checkAuth(what string, a Auth, ca string) error {
	switch {
	case int(a) >= len(authTypes):
		return fmt.Errorf("%s: there is no mode %d", what, a)
	case a != Off && ca == "":
		return fmt.Errorf("%s: asked for without a file of authorities to verify them against", what)
	}
	return nil
}

// checkName refuses what no server name can equal (RFC 6066, section 3; RFC 6125, section 6.4.3).
func checkName(name string) error {
	rest := strings.TrimPrefix(name, "*.")
	if _, err := netip.ParseAddr(rest); err == nil {
		return fmt.Errorf("%q is an address; clients send names alone", name)
	}
	if rest == "" || len(rest) > maxName || strings.HasPrefix(rest, ".") || strings.HasSuffix(rest, ".") || strings.Contains(rest, "..") ||
		strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' || r == '*' || r == ':' || r == '/' }) {
		return fmt.Errorf("%q is no host name (want example.com, *.example.com, or xn--... for other letters)", name)
	}
	return nil
}
