package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"weir/internal/watch"
)

// ACME obtains and renews a certificate for each domain (RFC 8555), proving them by TLS-ALPN-01 alone (RFC 8737):
// the CA connects to port 443 of the domain, which must lead to a listener with the Store's Config. Gateways that share
// the storage folder share certificates and challenges. To use it is to agree to the CA's terms.
type ACME struct {
	Domains   []string
	Directory string // URL; "": Let's Encrypt
	Email     string // where the CA writes to; may be ""
	Storage   string // folder for the account, keys and certificates; made if missing
	CA        string // PEM file of the directory's own authority, read once; "": the system's
	Listen    string // address of the listener that the CA reaches; "": ":443". certmagic opens it if it is closed

	// OnOutcome is told of each certificate taken (nil) and of each failure (ErrNone: there is no other). It is called as
	// OnReload is.
	OnOutcome func(what string, err error)
}

// ACMEProtocol is what a CA negotiates to look at a challenge (RFC 8737, section 6.2). Nobody was asked for a client
// certificate there: close the connection once its handshake is done.
const ACMEProtocol = "acme-tls/1"

func (a *ACME) check() error {
	if len(a.Domains) == 0 || a.Storage == "" {
		return errors.New("ACME needs domains and a storage folder")
	}
	for _, name := range a.Domains {
		if err := checkName(name); err != nil {
			return fmt.Errorf("ACME domain: %w", err)
		}
		if strings.HasPrefix(name, "*.") {
			return fmt.Errorf("ACME domain %s: the TLS-ALPN-01 challenge cannot prove a wildcard; name the hosts, or give a certificate file", name)
		}
	}
	if _, _, err := a.address(); err != nil {
		return fmt.Errorf("ACME listener address: %w", err)
	}
	return nil
}

func (a *ACME) address() (host string, port int, err error) {
	if a.Listen == "" {
		return "", 443, nil
	}
	host, text, err := net.SplitHostPort(a.Listen)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	return host, port, err
}

// acmeStore wraps certmagic, with nothing of its package-wide defaults. Its methods do nothing for nil.
type acmeStore struct {
	domains []string
	names   index[struct{}]
	cache   *certmagic.Cache
	managed *certmagic.Config // obtains and renews
	serving *certmagic.Config // answers handshakes; has no log, which any client could fill
	config  *tls.Config       // for challenges: no client certificates, no tickets
	tell    func(what string, err error)
}

// newACME opens the storage; nothing goes over the network before start. If answersAll, the first domain's
// certificate is also the default.
func newACME(ctx context.Context, o *ACME, answersAll bool, tell func(string, error)) (*acmeStore, error) {
	roots, err := o.roots()
	if err != nil {
		return nil, err
	}
	if err := checkFolder(o.Storage); err != nil {
		return nil, err
	}
	a := &acmeStore{names: newIndex[struct{}](), tell: tell}
	for _, name := range o.Domains {
		m, key := a.names.slot(name)
		m[key] = struct{}{}
		a.domains = append(a.domains, key)
	}
	logger := zap.New(errorLog{ctx: ctx, tell: tell})
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.managed, nil },
		Logger:           logger,
	})
	template := certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Storage},
		Issuers: []certmagic.Issuer{}, // not the default ones; set below
		Logger:  logger,
		OnEvent: a.event,
	}
	a.managed = certmagic.New(a.cache, template)
	host, port, _ := o.address()
	a.managed.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(a.managed, certmagic.ACMEIssuer{
		CA: o.Directory, Email: o.Email, Agreed: true, TrustedRoots: roots,
		DisableHTTPChallenge: true, ListenHost: host, AltTLSALPNPort: port,
		Logger: zap.NewNop(), // its errors come back as values
	})}
	template.Issuers, template.Logger, template.OnEvent = a.managed.Issuers, zap.NewNop(), nil
	if answersAll {
		template.DefaultServerName, template.FallbackServerName = a.domains[0], a.domains[0]
	}
	a.serving = certmagic.New(a.cache, template)
	a.config = &tls.Config{
		NextProtos: []string{ACMEProtocol}, SessionTicketsDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return a.certificate(hello), nil },
	}
	return a, nil
}

func (o *ACME) roots() (*x509.CertPool, error) {
	if o.CA == "" {
		return nil, nil
	}
	b, err := watch.Read(o.CA, maxFile)
	if err != nil {
		return nil, &watch.Error{What: "authority of the ACME directory", File: o.CA, Err: err}
	}
	a, err := parseAuthorities(b)
	if err != nil {
		return nil, &watch.Error{What: "authority of the ACME directory " + o.CA, File: o.CA, Err: err}
	}
	return a.pool, nil
}

// checkFolder finds out at start what would else be found out at the first renewal.
func checkFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &watch.Error{What: "ACME storage folder", File: dir, Err: err}
	}
	f, err := os.CreateTemp(dir, ".writable-")
	if err != nil {
		return &watch.Error{What: "ACME storage folder", File: dir, Err: fmt.Errorf("must be writable by this user (uid %d): %w", os.Getuid(), err)}
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// start obtains what is missing, with certmagic's paced retries, and keeps it fresh until ctx is done.
func (a *acmeStore) start(ctx context.Context) {
	if a != nil {
		_ = a.managed.ManageAsync(ctx, a.domains) // fails for on-demand certificates alone
	}
}

// close gives back the locks of orders that it breaks off; the next process would wait for them. They are those of all
// Stores, so that another one may have an order made twice.
func (a *acmeStore) close() {
	if a != nil {
		a.cache.Stop()
		certmagic.CleanUpOwnLocks(context.Background(), zap.NewNop())
	}
}

func (a *acmeStore) serves(name string) (yes bool) {
	if a != nil {
		_, yes = a.names.certified(name)
	}
	return yes
}

// challenged says whether this is a CA's look at a challenge. It must not be asked for a client certificate.
func (a *acmeStore) challenged(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == ACMEProtocol && a.serves(canonical(hello.ServerName))
}

// certificate is nil if there is none, or not yet.
func (a *acmeStore) certificate(hello *tls.ClientHelloInfo) *tls.Certificate {
	if a == nil {
		return nil
	}
	c, err := a.serving.GetCertificate(hello)
	if err != nil || len(c.Certificate) == 0 {
		return nil
	}
	return c
}

func (a *acmeStore) expiries() (all []Expiry) {
	if a == nil {
		return nil
	}
	for _, name := range a.domains {
		last := time.Time{}
		for _, c := range a.cache.AllMatchingCertificates(name) {
			if c.Leaf != nil && c.Leaf.NotAfter.After(last) {
				last = c.Leaf.NotAfter
			}
		}
		if !last.IsZero() {
			all = append(all, Expiry{name, last})
		}
	}
	return all
}
