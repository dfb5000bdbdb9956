//go:build linux

package load

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
)

// ClientTLS is what the load offers: TLS 1.3 and X25519 alone, so that every target does the same
// work. Of the suites, Go prefers AES-128-GCM where the processor has AES.
func ClientTLS(serverName string) *tls.Config {
	return &tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}}
}

// Session is what a TLS handshake has agreed on.
type Session struct {
	Version, Suite uint16
	Curve          tls.CurveID
	Key            string // of the certificate
	Resumed        bool
}

func sessionOf(s *tls.ConnectionState) Session {
	key := "no certificate"
	if len(s.PeerCertificates) > 0 {
		switch public := s.PeerCertificates[0].PublicKey.(type) {
		case *ecdsa.PublicKey:
			key = "ECDSA " + public.Params().Name
		case *rsa.PublicKey:
			key = fmt.Sprintf("RSA %d", public.N.BitLen())
		default:
			key = s.PeerCertificates[0].PublicKeyAlgorithm.String()
		}
	}
	return Session{Version: s.Version, Suite: s.CipherSuite, Curve: s.CurveID, Key: key, Resumed: s.DidResume}
}

// String is such as "TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, ECDSA P-256, resumed".
func (s Session) String() string {
	text := fmt.Sprintf("%s, %s, %s, %s", tls.VersionName(s.Version), tls.CipherSuiteName(s.Suite), s.Curve, s.Key)
	if s.Resumed {
		text += ", resumed"
	}
	return text
}
