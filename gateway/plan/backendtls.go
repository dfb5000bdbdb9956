package plan

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"

	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/internal/watch"
)

// backendTLS is how backends are spoken to in TLS: what they have to prove, and what we do. Immutable.
type backendTLS struct {
	config *tls.Config
	sum    [sha256.Size]byte // of the files' content
}

// tlsTerms are all that it is made of but for the files' content.
type tlsTerms struct {
	ca, cert, key, serverName string
	skipVerify                bool
}

func tlsTermsOf(cfg *config.Config) tlsTerms {
	return tlsTerms{cfg.UpstreamCA, cfg.UpstreamCert, cfg.UpstreamKey, cfg.UpstreamServerName, cfg.UpstreamSkipVerify}
}

// backendTLS gives what was made of these terms, for a route before this one, or for the plan before if the files have the
// same content still, or else anew. Files that were good before and cannot be taken now leave it as it was, with a warning.
func (b *builder) backendTLS(t tlsTerms) (*backendTLS, error) {
	if known := b.backends[t]; known != nil {
		return known, nil
	}
	was := b.before.backends[t]
	made, err := t.open(was)
	switch {
	case err != nil && was == nil:
		return nil, err
	case err != nil:
		b.env.tookTLSFile("backend TLS", err)
		if i := slices.IndexFunc(b.Config.Routes, func(r config.Route) bool { return tlsTermsOf(r.Config) == t }); i >= 0 {
			err = b.Config.Routes[i].Blame(err)
		}
		b.warnings = append(b.warnings, fmt.Sprintf("%v; what was there before stays in use", err))
		made = was
	}
	b.backends[t] = made
	return made, nil
}

// maxAuthorities bounds the file of authorities, in bytes; a system's has some 200 KiB.
const maxAuthorities = 16 << 20

// open reads the files. It gives was, which may be nil, if that was made of the same.
func (t tlsTerms) open(was *backendTLS) (*backendTLS, error) {
	var ca, cert, key []byte
	for _, f := range []struct {
		knob, name string
		content    *[]byte
	}{{"upstream-ca", t.ca, &ca}, {"upstream-cert", t.cert, &cert}, {"upstream-key", t.key, &key}} {
		if f.name == "" {
			continue
		}
		var err error
		if *f.content, err = watch.Read(f.name, maxAuthorities); err != nil {
			return nil, &config.KnobError{Knob: f.knob, Err: err}
		}
	}
	b := &backendTLS{sum: sumOf(ca, cert, key)}
	if was != nil && was.sum == b.sum {
		return was, nil
	}
	b.config = &tls.Config{ServerName: t.serverName, InsecureSkipVerify: t.skipVerify, DynamicRecordSizingDisabled: true}
	if t.ca != "" {
		b.config.RootCAs = x509.NewCertPool()
		if !b.config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, &config.KnobError{Knob: "upstream-ca", Err: fmt.Errorf("%s holds no certificate in PEM form", t.ca)}
		}
	}
	if t.cert != "" {
		pair, err := certs.ReadPair(certs.Pair{Cert: t.cert, Key: t.key})
		if err != nil {
			return nil, &config.KnobError{Knob: "upstream-cert", Err: fmt.Errorf("%s: %w", t.cert, err)}
		}
		b.config.Certificates = []tls.Certificate{*pair}
	}
	return b, nil
}

func sumOf(parts ...[]byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write(p)
	}
	h.Sum(sum[:0])
	return sum
}
