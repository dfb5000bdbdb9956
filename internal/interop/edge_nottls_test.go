package interop

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNotTLS: what is no TLS on a port that speaks it.
func TestNotTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	p, addr := startSecure(t, a.issue(t, time.Hour, "127.0.0.1"), "--upstream", "ws://"+startWitness(t, "w", nil), "--handshake-timeout", "1s")
	const failures, refusals, clear = "weir_tls_handshake_failures_total", "weir_sessions_refused_total", "HTTP/1.1 400 "
	for _, c := range []struct {
		what, sent    string
		answer        string // how it begins; it is read to its end
		count, reason string // where it is counted
	}{
		{"plain HTTP", askPlain, clear, refusals, "not_tls"},
		{"a WebSocket's handshake", askWS, clear, refusals, "not_tls"},
		{"a POST", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", clear, refusals, "not_tls"},
		{"HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", clear, refusals, "not_tls"},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", clear, refusals, "not_tls"},
		{"bytes", strings.Repeat("\x00\xff", 100), clear, refusals, "not_tls"},
		{"a record that is no hello", "\x16\x03\x01\x00\x04abcd", "\x15\x03", failures, "garbage"},
		{"a record that is too large", "\x16\x03\x01\xff\xff" + strings.Repeat("x", 100), "\x15\x03", failures, "garbage"},
		{"half a hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "", refusals, "handshake_timeout"},
		{"silence", "", "", refusals, "handshake_timeout"},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := p.metric(t, c.count, c.reason)
			conn := dialFrom(t, "127.0.0.1", addr)
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			got := string(rest(t, conn))
			if !strings.HasPrefix(got, c.answer) || c.answer == "" && got != "" {
				t.Fatalf("answered %q, want %q", got, c.answer)
			}
			if c.answer == clear && !containsAll(got, []string{"Content-Type: text/plain", "https://"}) {
				t.Errorf("the answer is not in plain text that says what to do: %q", got)
			}
			awaitTrue(t, "it is counted as "+c.reason, func() bool { return p.metric(t, c.count, c.reason) == before+1 })
		})
	}
}

// TestPartHello: a client whose hello lacks its last bytes takes no part of the bounded handshakes.
func TestPartHello(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	go func() { _ = tls.Client(near, &tls.Config{ServerName: "chat.example.com"}).Handshake() }()
	hello := make([]byte, 16<<10)
	n, err := far.Read(hello)
	if err = errors.Join(err, far.Close()); err != nil {
		t.Fatal(err)
	}
	a := newAuthority(t)
	p, addr := startSecure(t, a.issue(t, time.Hour, "127.0.0.1"), "--upstream", "ws://"+startWitness(t, "w", nil), "--handshake-timeout", "1s")
	var all sync.WaitGroup
	for missing := 1; missing <= 8; missing++ {
		conn := dialFrom(t, "127.0.0.1", addr)
		if _, err := conn.Write(hello[:n-missing]); err != nil {
			t.Fatal(err)
		}
		all.Go(func() { _, _ = io.Copy(io.Discard, conn) })
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	for most := 0.0; ; {
		most = max(most, p.metric(t, "weir_tls_handshakes_running"))
		select {
		case <-ended:
			if most > 0 {
				t.Errorf("%v handshakes were under way", most)
			}
			return
		default:
		}
	}
}
