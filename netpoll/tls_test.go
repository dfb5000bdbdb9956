package netpoll_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"weir/gateway/limits"
	"weir/netpoll"
)

// certificate makes a self-signed one for localhost.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// security is TLS for both ends of a test.
func security(t testing.TB) (server *netpoll.TLS, client *tls.Config) {
	cert, pool := certificate(t)
	server = &netpoll.TLS{Config: &tls.Config{Certificates: []tls.Certificate{cert}}, Handshakes: netpoll.NewHandshakes(limits.NewTurns(4, 64), limits.NewTurns(2, 64))}
	return server, &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// secured accepts clients with TLS on; h is made for each.
func secured(t testing.TB, l *netpoll.Loop, conf *netpoll.TLS, h func() netpoll.Handler) netpoll.Addr {
	t.Helper()
	return listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, h()); err != nil {
			t.Error(err)
		}
		c.StartTLS(conf, netip.Addr{}, nil)
	}).Addr()
}

// What a client sends comes back whole, whatever the pieces, over each version of TLS.
func TestTLSEcho(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			l := start(t, netpoll.Options{LowWater: 1 << 10})
			conf, client := security(t)
			client.MaxVersion = version
			addr := secured(t, l, conf, func() netpoll.Handler {
				return &hooks{
					data: func(c *netpoll.Conn, b []byte) {
						c.Queue(b[:len(b)/2])
						c.Write(b[len(b)/2:])
						if c.Full(32 << 10) {
							c.Pause()
						}
					},
					drained: func(c *netpoll.Conn) { c.Resume() },
					eof:     func(c *netpoll.Conn) { c.CloseWrite() },
				}
			})
			peer := tls.Client(dial(t, addr), client)
			sent := make([]byte, 3<<20)
			mrand.NewChaCha8([32]byte{7}).Read(sent)
			go func() {
				for b := sent; len(b) > 0; {
					n := min(len(b), 1+mrand.IntN(40_000))
					if _, err := peer.Write(b[:n]); err != nil {
						t.Error(err)
						return
					}
					b = b[n:]
				}
				_ = peer.CloseWrite()
			}()
			got, err := io.ReadAll(peer)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes came back, %v", len(got), len(sent), err)
			}
			do(t, l, func() {
				if s := l.Stats(); s.Buffered != 0 {
					t.Errorf("%d bytes are still queued", s.Buffered)
				}
			})
		})
	}
}

// Ciphertext that comes a byte at a time, the handshake's as well, is no different.
func TestTLSByteByByte(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, client := security(t)
	addr := secured(t, l, conf, func() netpoll.Handler {
		return &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}
	})
	peer := tls.Client(trickle{dial(t, addr)}, client)
	for _, message := range []string{"hello", "and again"} {
		if _, err := peer.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(message))
		if _, err := io.ReadFull(peer, got); err != nil || string(got) != message {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

// trickle sends each byte by itself.
type trickle struct{ net.Conn }

func (c trickle) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func TestTLSHandshakeFails(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, client := security(t)
	conf.Config.MinVersion = tls.VersionTLS13
	closed := make(chan error, 1)
	addr := secured(t, l, conf, func() netpoll.Handler {
		return &hooks{closed: func(_ *netpoll.Conn, err error) { closed <- err }, connect: func(*netpoll.Conn) { t.Error("it stands") }}
	})
	t.Run("client does not trust us", func(t *testing.T) {
		client := client.Clone()
		client.RootCAs = x509.NewCertPool()
		if err := tls.Client(dial(t, addr), client).Handshake(); err == nil {
			t.Error("no error")
		}
		var failed *netpoll.HandshakeError
		if err := await(t, closed); !errors.As(err, &failed) || !strings.Contains(err.Error(), "bad certificate") {
			t.Errorf("%v", err)
		}
	})
	t.Run("no common version", func(t *testing.T) {
		client := client.Clone()
		client.MaxVersion = tls.VersionTLS12
		if err := tls.Client(dial(t, addr), client).Handshake(); err == nil || !strings.Contains(err.Error(), "remote error: tls: protocol version") {
			t.Errorf("the client was told %v", err)
		}
		await(t, closed)
	})
	t.Run("client leaves", func(t *testing.T) {
		peer := dial(t, addr)
		_, _ = peer.Write([]byte{22, 3, 1})
		_ = peer.CloseWrite()
		if err := await(t, closed); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	t.Run("garbage in a handshake record", func(t *testing.T) {
		peer := dial(t, addr)
		_, _ = peer.Write([]byte{22, 3, 1, 0, 4, 99, 0, 0, 0})
		await(t, closed)
		if got, err := io.ReadAll(peer); err != nil || len(got) == 0 || got[0] != 21 {
			t.Errorf("no alert came: %x, %v", got, err)
		}
	})
}

// Who speaks no TLS is heard in clear, so that there can be an answer.
func TestTLSNotSpoken(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, _ := security(t)
	addr := secured(t, l, conf, func() netpoll.Handler {
		return &hooks{data: func(c *netpoll.Conn, b []byte) {
			if c.Secured() {
				t.Error("clear text is taken for secured")
			}
			c.Write(append([]byte("clear: "), b...))
			c.CloseWrite()
		}}
	})
	peer := dial(t, addr)
	_, _ = peer.Write([]byte("GET"))
	if got, err := io.ReadAll(peer); err != nil || string(got) != "clear: GET" {
		t.Errorf("%q, %v", got, err)
	}
}

// More clients than may handshake at once: none is lost, and no more run than may.
func TestTLSHandshakesAreBounded(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, client := security(t)
	addr := secured(t, l, conf, func() netpoll.Handler {
		return &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}
	})
	done := make(chan error)
	const clients = 40
	for range clients {
		raw := dial(t, addr)
		go func() {
			peer := tls.Client(raw, client)
			if n := conf.Handshakes.Running(); n > 4 {
				t.Errorf("%d at once", n)
			}
			_, err := peer.Write([]byte("x"))
			if err == nil {
				_, err = io.ReadFull(peer, make([]byte, 1))
			}
			done <- err
		}()
	}
	for range clients {
		if err := await(t, done); err != nil {
			t.Error(err)
		}
	}
}

// Both ends on the loop: what is written before TLS stands waits for it.
func TestTLSOfOurOwn(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, client := security(t)
	addr := secured(t, l, conf, func() netpoll.Handler {
		return &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}
	})
	heard := make(chan string, 1)
	stands := make(chan bool, 1)
	do(t, l, func() {
		c := new(netpoll.Conn)
		h := &hooks{connect: func(c *netpoll.Conn) { stands <- c.Secured() && c.TLSState().ServerName == "localhost" },
			data: func(_ *netpoll.Conn, b []byte) { heard <- string(b) }}
		if err := l.Connect(c, addr, h); err != nil {
			t.Error(err)
		}
		c.StartTLS(&netpoll.TLS{Config: client, Client: true, Handshakes: conf.Handshakes}, netip.Addr{}, nil)
		c.Write([]byte("early"))
	})
	if !await(t, stands) {
		t.Error("OnConnect came before TLS stood")
	}
	if got := await(t, heard); got != "early" {
		t.Errorf("%q", got)
	}
}

// Goroutines take a connection over, with what was read, and give it back.
func TestDetach(t *testing.T) {
	for _, how := range []string{"clear", "TLS"} {
		t.Run(how, func(t *testing.T) {
			l := start(t, netpoll.Options{ReadBuffer: 4 << 10})
			conf, client := security(t)
			away := make(chan net.Conn, 1)
			take := &hooks{data: func(c *netpoll.Conn, b []byte) { away <- c.Detach(b) }}
			addr := listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
				c := new(netpoll.Conn)
				if err := l.Attach(c, fd, take); err != nil {
					t.Error(err)
				}
				if how == "TLS" {
					c.StartTLS(conf, netip.Addr{}, nil)
				}
			}).Addr()
			var peer interface {
				net.Conn
				CloseWrite() error
			} = dial(t, addr)
			if how == "TLS" {
				peer = tls.Client(peer, client)
			}
			send := func(s string) {
				t.Helper()
				if _, err := io.WriteString(peer, s); err != nil {
					t.Fatal(err)
				}
			}
			expect := func(c net.Conn, want string) {
				t.Helper()
				got := make([]byte, len(want))
				if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
					t.Fatalf("%q, %v; want %q", got, err, want)
				}
			}
			send("first")
			c := await(t, away)
			send(" second")
			expect(c, "first second")

			_ = c.SetReadDeadline(time.Now().Add(-time.Second))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("past the deadline: %v", err)
			}
			_ = c.SetReadDeadline(time.Time{})

			big := strings.Repeat("a lot of it ", 200_000)
			go func() { _, _ = io.WriteString(c, big) }()
			expect(peer, big)

			send("third")
			expect(c, "thi")
			var back netpoll.Conn
			heard := make(chan string, 4)
			do(t, l, func() {
				rest, err := l.Adopt(&back, c, &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b); heard <- string(b) }})
				if err != nil {
					t.Error(err)
				}
				heard <- string(rest)
			})
			if got := await(t, heard); got != "rd" && got != "" { // crypto/tls keeps a record that was read in part
				t.Errorf("%q was left", got)
			}
			send("fourth")
			if got := await(t, heard); !strings.HasSuffix(got, "fourth") {
				t.Errorf("%q", got)
			}
			do(t, l, func() { _ = back.Detach(nil).Close() })
			_ = peer.CloseWrite()
			if rest, err := io.ReadAll(peer); err != nil || !strings.HasSuffix(string(rest), "fourth") {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}
