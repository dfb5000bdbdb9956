package netpoll_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"testing"

	"weir/netpoll"
)

// BenchmarkTLSEcho is the round trip of one message over TLS. What the client allocates is counted too: nothing, once
// it runs.
func BenchmarkTLSEcho(b *testing.B) {
	for _, size := range []int{125, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l := start(b, netpoll.Options{ReadBuffer: 64 << 10})
			conf, client := security(b)
			addr := secured(b, l, conf, func() netpoll.Handler {
				return &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}
			})
			raw := dial(b, addr)
			_ = raw.SetDeadline(noDeadline)
			peer := tls.Client(raw, client)
			msg, back := make([]byte, size), make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := peer.Write(msg); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(peer, back); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
