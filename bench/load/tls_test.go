//go:build linux

package load_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/bench/load"
	"weir/bench/peers"
)

func certificate(t *testing.T) *peers.Certificate {
	t.Helper()
	c, err := peers.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// secured puts TLS before a target until the test ends. Its records arrive in pieces of that many bytes.
func secured(t *testing.T, to load.Target, piece int, change func(*tls.Config)) load.Target {
	t.Helper()
	c := certificate(t)
	pair, err := tls.X509KeyPair(c.Chain, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if change != nil {
		change(config)
	}
	behind := to.Addr
	to.Addr = listening(t, func(raw net.Conn) { terminate(tls.Server(pieces{raw, piece}, config), behind) })
	to.TLS = c.Client()
	return to
}

// listening hands each connection to a goroutine; the test ends when all of them have.
func listening(t *testing.T, each func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				each(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func terminate(client *tls.Conn, to netip.AddrPort) {
	if client.Handshake() != nil {
		return
	}
	backend, err := net.Dial("tcp", to.String())
	if err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(client, backend)
		client.NetConn().Close()
		backend.Close() // which may not take more before its own answers are read
	}()
	io.Copy(backend, client)
	backend.Close()
	<-done
}

// pieces writes a few bytes at a time.
type pieces struct {
	net.Conn
	size int
}

func (p pieces) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var wrote int
		wrote, err = p.Conn.Write(b[n:min(len(b), n+p.size)])
		n += wrote
	}
	return n, err
}

func TestEchoOverTLS(t *testing.T) {
	direct, _ := backend(t)
	for _, tc := range []struct {
		name    string
		piece   int
		conns   int
		threads int
		talk    load.Talk
	}{
		{"closed", 1 << 20, 50, 1, load.Talk{Size: 125}},
		{"closed, two threads", 1 << 20, 50, 2, load.Talk{Size: 125}},
		{"closed, byte by byte", 1, 4, 1, load.Talk{Size: 125}},
		{"closed, larger than the sockets hold", 1 << 20, 3, 1, load.Talk{Size: 4 << 20}},
		{"closed, records in pieces", 1000, 3, 1, load.Talk{Size: 50_000}},
		{"open", 1 << 20, 20, 1, load.Talk{Size: 125, Rate: 50}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			target := secured(t, direct, tc.piece, nil)
			crowd := open(t, load.Config{Target: target, Conns: tc.conns, Threads: tc.threads})
			tc.talk.Window = short
			r, err := crowd.Echo(t.Context(), tc.talk)
			for err == nil && r.Ops == 0 && tc.talk.Duration < 15*time.Second { // a busy machine needs longer for as much as one echo
				tc.talk.Duration *= 4
				crowd = open(t, load.Config{Target: target, Conns: tc.conns, Threads: tc.threads})
				r, err = crowd.Echo(t.Context(), tc.talk)
			}
			if err != nil || r.Err() != nil || r.Ops == 0 {
				t.Fatalf("%d echoes, %v, %v", r.Ops, err, r.Err())
			}
			want := "TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, ECDSA P-256"
			for s, n := range r.Sessions {
				// Without AES in the processor the suite is another.
				if got := s.String(); n != tc.conns || got != want && !strings.Contains(got, "CHACHA20") {
					t.Errorf("%d sessions of %s; want %d of %s", n, got, tc.conns, want)
				}
			}
			if len(r.Sessions) != 1 {
				t.Errorf("sessions %v", r.Sessions)
			}
			if r, err := crowd.Hold(t.Context(), 10*time.Millisecond); err != nil || r.Err() != nil {
				t.Error(err, r.Err())
			}
		})
	}
}

func TestStormOverTLS(t *testing.T) {
	direct, _ := backend(t)
	target := secured(t, direct, 1<<20, nil)
	forgetful := secured(t, direct, 1<<20, func(c *tls.Config) { c.SessionTicketsDisabled = true })
	for _, tc := range []struct {
		name   string
		target load.Target
		resume bool
		fault  load.Fault
	}{
		{"full", target, false, ""},
		{"resumed", target, true, ""},
		{"not resumed", forgetful, true, load.FaultFull},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := load.Storm(t.Context(), load.Gale{Target: tc.target, Concurrency: 8, Resume: tc.resume, Window: short})
			if tc.fault != "" {
				if r.Ops != 0 || r.Faults[tc.fault] == 0 {
					t.Errorf("%d handshakes, %v, faults %v; want %q", r.Ops, err, r.Faults, tc.fault)
				}
				return
			}
			if err != nil || r.Err() != nil || r.Ops < 10 || r.Latency.TotalCount() != r.Ops {
				t.Errorf("%d handshakes, %v, %v", r.Ops, err, r.Err())
			}
			for s := range r.Sessions {
				if s.Resumed != tc.resume {
					t.Errorf("a session of %s", s)
				}
			}
		})
	}
	if _, err := load.Storm(t.Context(), load.Gale{Target: direct, Concurrency: 1, Resume: true, Window: short}); err == nil {
		t.Error("a session without TLS was resumed")
	}
}

func TestOpenOverTLSFails(t *testing.T) {
	direct, _ := backend(t)
	stranger := secured(t, direct, 1<<20, nil)
	stranger.TLS = certificate(t).Client()
	old := secured(t, direct, 1<<20, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
	plain := direct
	plain.TLS = stranger.TLS
	says := func(answer string) load.Target {
		addr := listening(t, func(c net.Conn) {
			c.Write([]byte(answer))
			io.Copy(io.Discard, c)
		})
		return load.Target{Addr: addr, Host: "h", Path: "/", TLS: stranger.TLS}
	}
	hasty := says("")
	hasty.Addr = listening(t, func(net.Conn) {})
	for name, tc := range map[string]struct {
		target load.Target
		want   string
	}{
		"another's certificate": {stranger, "unknown authority"},
		"TLS 1.2":               {old, "protocol version"},
		"no TLS at all":         {says("HTTP/1.1 400 Bad Request\r\n\r\n"), "does not look like a TLS handshake"},
		"silent":                {says(""), "time"}, // timed out: the loop's word; i/o timeout: the handshake's
		"closed":                {hasty, string(load.FaultTLS)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load.Open(t.Context(), load.Config{Target: tc.target, Conns: 3, Patience: 200 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q in it", err, tc.want)
			}
			if err := tc.target.Probe(withTimeout(t, 200*time.Millisecond)); err == nil {
				t.Error("the probe was answered")
			}
		})
	}
}

func withTimeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// Handshakes under way end with the crowd, goroutines and descriptors included.
func TestCancelledHandshakes(t *testing.T) {
	before := descriptors(t)
	reached := make(chan struct{}, 10)
	addr := listening(t, func(c net.Conn) {
		reached <- struct{}{}
		io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for range cap(reached) {
			<-reached
		}
		cancel()
	}()
	target := load.Target{Addr: addr, Host: "h", Path: "/", TLS: certificate(t).Client()}
	if _, err := load.Open(ctx, load.Config{Target: target, Conns: cap(reached)}); err != context.Canceled {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	for deadline := time.Now().Add(5 * time.Second); descriptors(t) > before+3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors, %d before", descriptors(t), before)
		}
	}
}

func TestSlowOverTLS(t *testing.T) {
	direct, _ := backend(t)
	slow, err := secured(t, direct, 1<<20, nil).Slow(t.Context(), load.Sloth{Conns: 2, Size: 125, Read: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); slow.Taken() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was taken")
		}
	}
	slow.Close()
}
