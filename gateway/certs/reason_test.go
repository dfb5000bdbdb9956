package certs_test

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"weir/gateway/certs"
)

// TestReason meets each reason in a real handshake, for crypto/tls gives most of its errors no type, only words. Those
// of client certificates are in TestClientAuth.
func TestReason(t *testing.T) {
	ca := newAuthority(t, "ca")
	store := newStore(t, certs.Options{RejectUnknown: true, ALPN: []string{"http/1.1"}, Curves: []tls.CurveID{tls.X25519, tls.CurveP256}, ClientAuth: certs.Ask, ClientCA: ca.file,
		Pairs: []certs.Pair{ca.pair(t, order{names: []string{"a.test"}})}})
	dial := func(c *tls.Config) func(net.Conn) {
		return func(conn net.Conn) {
			if c.ServerName == "" {
				c.ServerName = "a.test"
			}
			_ = tls.Client(conn, c).Handshake()
		}
	}
	send := func(b ...byte) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Write(b)
			_, _ = conn.Read(make([]byte, 1)) // until the server has answered or closed
		}
	}
	stolen := ca.client(t, order{cn: "me"})
	stolen.PrivateKey = ecdsaKey(t)
	rsaOnly := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for _, c := range []struct {
		name   string
		client func(net.Conn)
		want   string
	}{
		{"name", dial(&tls.Config{ServerName: "b.test", InsecureSkipVerify: true}), certs.UnknownName},
		{"name, TLS 1.2", dial(&tls.Config{ServerName: "b.test", MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true}), certs.UnknownName},
		{"version", dial(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}), certs.NoCommonVersion},
		{"suite", dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: rsaOnly}), certs.NoCommonSuite},
		{"curve", dial(&tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP521}}), certs.NoCommonSuite},
		{"curve, TLS 1.2", dial(&tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP521}}), certs.NoCommonSuite},
		{"protocol", dial(&tls.Config{NextProtos: []string{"smtp"}, InsecureSkipVerify: true}), certs.NoCommonProtocol},
		{"client's distrust", dial(&tls.Config{}), certs.ClientAlert},
		{"stolen certificate", dial(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{stolen}}), certs.ClientCertificateInvalid},
		{"stolen certificate, TLS 1.2", dial(&tls.Config{MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true, Certificates: []tls.Certificate{stolen}}), certs.ClientCertificateInvalid},
		{"plain HTTP", send([]byte("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")...), certs.NotTLS},
		{"random bytes", send(0xff, 0xfe, 0xfd, 1, 2, 3, 4, 5), certs.NotTLS},
		{"SSL 2", send(0x80, 0x2e, 1, 3, 1), certs.Garbage},
		{"record too long", send(22, 3, 1, 0xff, 0xff), certs.Garbage},
		{"broken hello", send(22, 3, 1, 0, 5, 1, 0, 0, 1, 0), certs.Garbage},
		{"not a hello", send(22, 3, 1, 0, 4, 14, 0, 0, 0), certs.Garbage},
		{"endless hello", send(22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff), certs.Garbage},
		{"alert at once", send(21, 3, 1, 0, 2, 2, 40), certs.ClientAlert},
		{"gone at once", func(net.Conn) {}, certs.ClientGone},
		{"gone within", func(c net.Conn) { _, _ = c.Write([]byte{22, 3, 1, 0, 200, 1}) }, certs.ClientGone},
		{"silent", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, certs.TimedOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			patience := 30 * time.Second
			if c.want == certs.TimedOut {
				patience = 300 * time.Millisecond
			}
			err := handshake(t, store.Config(), c.client, patience)
			if got := certs.Reason(err); err == nil || got != c.want {
				t.Errorf("%q for %v (%T), want %q", got, err, err, c.want)
			}
			if !slices.Contains(certs.Reasons[:], certs.Reason(err)) {
				t.Errorf("%q is none of Reasons", certs.Reason(err))
			}
		})
	}
	for _, err := range []error{nil, errors.New("x"), net.ErrClosed} {
		if got := certs.Reason(err); got != certs.Other {
			t.Errorf("Reason(%v) = %q, want other", err, got)
		}
	}
}

// handshake is the server's error over a real socket.
func handshake(t *testing.T, c *tls.Config, client func(net.Conn), patience time.Duration) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		client(conn)
		_ = conn.Close()
	}()
	conn, err := l.Accept()
	ok(t, err)
	_ = conn.SetDeadline(time.Now().Add(patience))
	err = tls.Server(conn, c).Handshake()
	_ = conn.Close()
	<-done
	return err
}
