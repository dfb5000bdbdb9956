package certs_test

import (
	"crypto/tls"
	"net"
	"testing"

	"weir/gateway/certs"
)

// BenchmarkHandshake is a full TLS 1.3 handshake, both ends, with a Store and with a tls.Config of one certificate.
func BenchmarkHandshake(b *testing.B) {
	ca := newAuthority(b, "ca")
	pair := ca.pair(b, order{names: []string{"a.test"}})
	alone, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	ok(b, err)
	for _, c := range []struct {
		name   string
		config *tls.Config
	}{
		{"store", newStore(b, certs.Options{Pairs: []certs.Pair{pair}, Tickets: true}).Config()},
		{"alone", &tls.Config{Certificates: []tls.Certificate{alone}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				here, there := net.Pipe()
				go new(server).answer(tls.Server(here, c.config))
				ok(b, ping(tls.Client(there, &tls.Config{ServerName: "a.test", RootCAs: ca.pool})))
				_, _ = here.Close(), there.Close()
			}
		})
	}
}
