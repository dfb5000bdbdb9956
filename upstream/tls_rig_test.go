package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// secureBackends has listen make endpoints that speak TLS.
var secureBackends bool

// What tunnels and pools do in clear, they do over TLS.
func TestOverTLS(t *testing.T) {
	secureBackends = true
	t.Cleanup(func() { secureBackends = false })
	for name, test := range map[string]func(*testing.T){
		"TunnelAnswers": TestTunnelAnswers, "TunnelTriesElsewhere": TestTunnelTriesElsewhere, "NobodyLeftToTry": TestNobodyLeftToTry,
		"TunnelTimesOut": TestTunnelTimesOut, "TunnelCancel": TestTunnelCancel, "TunnelIsAStream": TestTunnelIsAStream,
		"TunnelsInsteadOfPool": TestTunnelsInsteadOfPool, "PooledEndpointStaysPooled": TestPooledEndpointStaysPooled,
		"PoolEndsInOrder": TestPoolEndsInOrder, "HalfClosedStreamIsStillCredited": TestHalfClosedStreamIsStillCredited,
		"PoolPassesOtherStatusesOn": TestPoolPassesOtherStatusesOn, "PoolRefusals": TestPoolRefusals,
		"PoolGreetingFails": TestPoolGreetingFails, "PoolTriesElsewhere": TestPoolTriesElsewhere, "LostConnection": TestLostConnection,
		"KeepAlive": TestKeepAlive, "WarmAndIdle": TestWarmAndIdle, "PoolAttemptTimesOut": TestPoolAttemptTimesOut, "PoolCancel": TestPoolCancel,
		"GoAway": TestGoAway, "MaxConcurrentStreams": TestMaxConcurrentStreams, "WaitingForRoom": TestWaitingForRoom,
		"PoolStreamFaults": TestPoolStreamFaults, "UnreadAnswersAreBounded": TestUnreadAnswersAreBounded,
		"StreamWindowAtZero": TestStreamWindowAtZero, "ConnectionWindowAtZero": TestConnectionWindowAtZero,
		"ConnectionWindowIsCredited": TestConnectionWindowIsCredited, "SlowClientHoldsItsWindowOnly": TestSlowClientHoldsItsWindowOnly,
		"RandomEcho": TestRandomEcho, "Chaos": TestChaos,
	} {
		t.Run(name, test)
	}
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// trusted is the authority that the rig's links trust, stranger one that they do not.
var trusted, stranger = newAuthority(), newAuthority()

func newAuthority() *authority {
	a := &authority{}
	a.cert, a.key = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign completes the template, signed by the authority, or by itself if that has no certificate yet.
func (a *authority) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: "test"}
	template.NotBefore = time.Now().Add(-2 * time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	return cert, key
}

// issue makes a certificate for host names and addresses, for either side.
func (a *authority) issue(until time.Time, names ...string) tls.Certificate {
	template := &x509.Certificate{NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	cert, key := a.sign(template)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a *authority) server(names ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.issue(time.Time{}, names...)}, NextProtos: []string{"h2", "http/1.1"}}
}

func (a *authority) client() *tls.Config { return &tls.Config{RootCAs: a.pool()} }

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
