//go:build linux

package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"testing"
)

// What is written is what servers read, and its clients trust it and no other.
func TestCertificate(t *testing.T) {
	var both [2]*Certificate
	for i := range both {
		var err error
		if both[i], err = NewCertificate(); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := both[0].write(dir); err != nil {
		t.Fatal(err)
	}
	at := Place{Dir: dir}
	pair, err := tls.LoadX509KeyPair(at.Chain(), at.Key())
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := pair.Leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("a key of %T, want ECDSA P-256", pair.Leaf.PublicKey)
	}
	for _, name := range []string{"localhost", "127.0.0.1"} {
		if err := pair.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	for i, c := range both {
		state, err := shake(t, &tls.Config{Certificates: []tls.Certificate{pair}}, c.Client())
		if (err == nil) != (i == 0) {
			t.Errorf("trust in certificate %d: %v", i, err)
		}
		if err == nil && (state.Version != tls.VersionTLS13 || state.CurveID != tls.X25519) {
			t.Errorf("%s over %s", tls.VersionName(state.Version), state.CurveID)
		}
	}
}

func shake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), client)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}
