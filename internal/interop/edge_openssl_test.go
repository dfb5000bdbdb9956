package interop

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/freeport"
)

// opensslAsks makes a handshake, sends a request and stays until the gateway closes.
func opensslAsks(t testing.TB, addr string, args ...string) (out string, ok bool) {
	t.Helper()
	return run(t, askPlain, "openssl", append([]string{"s_client", "-connect", addr, "-ign_eof"}, args...)...)
}

// opensslCase is a handshake with what openssl must say of it.
type opensslCase struct {
	what string
	args string
	ok   bool
	says []string
	fail string // the reason that is counted for it
}

func (c *opensslCase) check(t testing.TB, p *process, addr string) {
	t.Helper()
	failed := func() float64 { return p.metric(t, "weir_tls_handshake_failures_total", `"`+c.fail+`"`) }
	before := failed()
	out, ok := opensslAsks(t, addr, strings.Fields(c.args)...)
	if ok != c.ok || !containsAll(out, c.says) {
		t.Errorf("%s: success is %v, want %v with %q:\n%s", c.what, ok, c.ok, c.says, out)
	}
	if served := strings.Contains(out, "HTTP/1.1 200 OK"); served != c.ok {
		t.Errorf("%s: answered is %v, want %v:\n%s", c.what, served, c.ok, out)
	}
	if c.fail != "" {
		awaitTrue(t, c.what+" is counted as "+c.fail, func() bool { return failed() == before+1 })
	}
}

// awaitTrue polls what has no event to await.
func awaitTrue(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}

func TestOpenSSLVersions(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	files, backend := a.issue(t, time.Hour, "127.0.0.1"), "ws://"+startWitness(t, "w", nil)
	const weak = " -cipher ALL:@SECLEVEL=0" // or openssl itself would not try
	for _, g := range []struct {
		what  string
		flags []string
		cases []opensslCase
	}{
		{"defaults", nil, []opensslCase{
			{"TLS 1.3", "-tls1_3", true, []string{"New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256", "Verify return code: 0 (ok)"}, ""},
			{"TLS 1.2", "-tls1_2", true, []string{"Protocol  : TLSv1.2", "Verify return code: 0 (ok)", "Secure Renegotiation IS supported"}, ""},
			{"TLS 1.1", "-tls1_1" + weak, false, []string{"alert protocol version"}, "no_common_version"},
			{"TLS 1.0", "-tls1" + weak, false, []string{"alert protocol version"}, "no_common_version"},
			{"AES-256 of TLS 1.3", "-ciphersuites TLS_AES_256_GCM_SHA384", true, []string{"Cipher is TLS_AES_256_GCM_SHA384"}, ""},
			{"ChaCha20 of TLS 1.3", "-ciphersuites TLS_CHACHA20_POLY1305_SHA256", true, []string{"Cipher is TLS_CHACHA20_POLY1305_SHA256"}, ""},
			{"AES of TLS 1.2", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", true, []string{"Cipher    : ECDHE-ECDSA-AES128-GCM-SHA256"}, ""},
			{"CBC with SHA-256", "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", false, []string{"alert handshake failure"}, "no_common_suite"},
			{"no forward secrecy", "-tls1_2 -cipher AES128-SHA", false, []string{"alert handshake failure"}, "no_common_suite"},
			{"no authentication", "-tls1_2 -cipher aNULL:@SECLEVEL=0", false, []string{"alert handshake failure"}, "no_common_suite"},
			{"P-256", "-groups P-256", true, []string{"Server Temp Key: ECDH, prime256v1"}, ""},
			{"X25519", "-groups X25519", true, []string{"Server Temp Key: X25519"}, ""},
			{"no group of ours", "-groups ffdhe2048", false, []string{"alert handshake failure"}, "no_common_suite"},
			{"ALPN, HTTP/1.1", "-alpn http/1.1", true, []string{"ALPN protocol: http/1.1"}, ""},
			{"ALPN, HTTP/1.1 before what we do not speak", "-alpn spdy/1,http/1.1", true, []string{"ALPN protocol: http/1.1"}, ""},
			{"ALPN, nothing of ours", "-alpn spdy/1", false, []string{"alert no application protocol"}, "no_common_protocol"},
		}},
		{"TLS 1.3 alone", []string{"--tls-min-version", "1.3"}, []opensslCase{
			{"TLS 1.3", "", true, []string{"New, TLSv1.3"}, ""},
			{"TLS 1.2", "-tls1_2", false, []string{"alert protocol version"}, "no_common_version"},
		}},
		{"TLS 1.2 with one suite and one curve", []string{"--tls-max-version", "1.2", "--tls-ciphers", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "--tls-curves", "P-384"}, []opensslCase{
			{"any", "", true, []string{"New, TLSv1.2, Cipher is ECDHE-ECDSA-CHACHA20-POLY1305", "ECDH, secp384r1"}, ""},
			{"TLS 1.3", "-tls1_3", false, []string{"alert protocol version"}, "no_common_version"},
			{"another suite", "-cipher ECDHE-ECDSA-AES128-GCM-SHA256", false, []string{"alert handshake failure"}, "no_common_suite"},
			{"another curve", "-groups X25519", false, []string{"alert handshake failure"}, "no_common_suite"},
		}},
	} {
		t.Run(g.what, func(t *testing.T) {
			p, addr := startSecure(t, files, append(g.flags, "--upstream", backend)...)
			for i := range g.cases {
				g.cases[i].args += " -CAfile " + a.file
				g.cases[i].check(t, p, addr)
			}
		})
	}
}

// TestOpenSSLNames: the name asked for chooses among an exact certificate, one for all below a name, and the default.
func TestOpenSSLNames(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	exact, below := a.issue(t, time.Hour, "chat.example.com"), a.issue(t, time.Hour, "*.example.com")
	args := []string{"--tls-cert", exact.cert, "--tls-key", exact.key, "--tls-cert", below.cert, "--tls-key", below.key, "--upstream", "ws://" + startWitness(t, "w", nil)}
	shows := func(name string) []string { return []string{"subject=CN = " + name + "\n"} }
	first, unrecognized := a.issue(t, time.Hour, "default.example"), []string{"tlsv1 unrecognized name"}
	known := []opensslCase{
		{"exact", "-servername chat.example.com", true, shows("chat.example.com"), ""},
		{"exact, in capitals", "-servername CHAT.Example.COM", true, shows("chat.example.com"), ""},
		{"below", "-servername other.example.com", true, shows("*.example.com"), ""},
		{"default by its name", "-servername default.example", true, shows("default.example"), ""},
	}
	for how, unknown := range map[string][]opensslCase{
		"default": {{"unknown", "-servername elsewhere.example", true, shows("default.example"), ""},
			{"two labels below", "-servername a.b.example.com", true, shows("default.example"), ""},
			{"no name", "-noservername", true, shows("default.example"), ""}},
		"reject": {{"unknown", "-servername elsewhere.example", false, unrecognized, "unknown_name"},
			{"two labels below", "-servername a.b.example.com", false, unrecognized, "unknown_name"},
			{"no name", "-noservername", false, unrecognized, "unknown_name"}},
	} {
		t.Run(how, func(t *testing.T) {
			addr := freeport.Addr(t)
			p := startBinary(t, 0, append([]string{"--tls-listen", addr, "--tls-unknown-name", how, "--tls-cert", first.cert, "--tls-key", first.key}, args...)...)
			for _, c := range append(known, unknown...) {
				c.check(t, p, addr)
			}
		})
	}
}

func TestOpenSSLResumes(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	files, backend := a.issue(t, time.Hour, "127.0.0.1"), "ws://"+startWitness(t, "w", nil)
	keys := writeFile(t, t.TempDir(), "tickets", strings.Repeat("0f", 32)+"\n")
	on, addr := startSecure(t, files, "--upstream", backend, "--tls-ticket-keys", keys)
	_, other := startSecure(t, files, "--upstream", backend, "--tls-ticket-keys", keys)
	_, alien := startSecure(t, files, "--upstream", backend)
	_, off := startSecure(t, files, "--upstream", backend, "--tls-tickets=false")
	for _, version := range []string{"1.2", "1.3"} {
		session, flag := filepath.Join(t.TempDir(), "session"), "-tls1_"+version[2:]
		for _, c := range []struct{ what, addr, args, want string }{
			{"first", addr, "-sess_out", "New, "},
			{"again", addr, "-sess_in", "Reused, "},
			{"at a gateway with the same keys", other, "-sess_in", "Reused, "},
			{"at a gateway with other keys", alien, "-sess_in", "New, "},
			{"without tickets", off, "-sess_in", "New, "},
		} {
			out, ok := opensslAsks(t, c.addr, c.args, session, flag)
			if !ok || !strings.Contains(out, "\n"+c.want) || !strings.Contains(out, "HTTP/1.1 200 OK") {
				t.Errorf("TLS %s, %s: %v, want %q:\n%s", version, c.what, ok, c.want, out)
			}
		}
	}
	out, ok := run(t, "", "openssl", "s_client", "-connect", addr, "-tls1_2", "-reconnect")
	if n := strings.Count(out, "\nReused, TLSv1.2"); !ok || n != 5 {
		t.Errorf("of 5 reconnects %d were resumed:\n%s", n, out)
	}
	_, counts := request(t, clientFrom(t, "127.0.0.1", nil), "http://"+on.Admin+"/metrics")
	for _, want := range []string{`{version="TLS 1.2",resumed="true"} 6`, `{version="TLS 1.3",resumed="true"} 1`} {
		if !strings.Contains(counts, "weir_tls_handshakes_total"+want+"\n") {
			t.Errorf("resumed handshakes are not counted as %s:\n%s", want, counts)
		}
	}
}

// TestOpenSSLClientCertificates: good ones pass and are told to the backend, whatever the client says itself.
func TestOpenSSLClientCertificates(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	files, backend := a.issue(t, time.Hour, "127.0.0.1"), "ws://"+startWitness(t, "w", nil)
	shown := func(c certificateFiles) string { return " -cert " + c.cert + " -key " + c.key }
	good, expired, foreign := a.issue(t, time.Hour, "alice"), a.issue(t, -time.Hour, "bob"), stranger.issue(t, time.Hour, "mallory")
	const missing, invalid = "client_certificate_missing", "client_certificate_invalid"
	identity := []string{`"X-Client":["CN=alice"]`}
	for how, cases := range map[string][]opensslCase{
		"require": {
			{"good", "-tls1_3" + shown(good), true, identity, ""},
			{"good, TLS 1.2", "-tls1_2" + shown(good), true, identity, ""},
			{"missing", "-tls1_3", false, []string{"alert certificate required"}, missing},
			{"missing, TLS 1.2", "-tls1_2", false, []string{"alert"}, missing},
			{"expired", "-tls1_3" + shown(expired), false, []string{"alert certificate expired"}, invalid},
			{"expired, TLS 1.2", "-tls1_2" + shown(expired), false, []string{"alert certificate expired"}, invalid},
			{"of another authority", "-tls1_3" + shown(foreign), false, []string{"alert unknown ca"}, invalid},
		},
		"ask": {
			{"good", "-tls1_3" + shown(good), true, identity, ""},
			{"missing", "-tls1_3", true, []string{`"Method":"GET"`}, ""},
			{"expired", "-tls1_3" + shown(expired), false, []string{"alert certificate expired"}, invalid},
		},
	} {
		t.Run(how, func(t *testing.T) {
			p, addr := startSecure(t, files, "--upstream", backend, "--tls-client-auth", how, "--tls-client-ca", a.file, "--tls-client-header", "X-Client")
			for i := range cases {
				cases[i].check(t, p, addr)
			}
			for _, from := range []string{p.Addr, addr} { // without and with TLS; a certificate is asked for and missing
				if how == "require" {
					continue // refused: in clear nobody can show a certificate
				}
				c, scheme := clientFrom(t, "127.0.0.1", a), "http://"
				if from == addr {
					scheme = "https://"
				}
				if saw := get(t, c, scheme+from+"/", "X-Client: CN=root"); saw.Header["X-Client"] != nil {
					t.Errorf("%s: the client said who it is, and the backend was told %q", scheme, saw.Header["X-Client"])
				}
				if saw := converse(t, c, strings.Replace(scheme, "http", "ws", 1)+from+"/", "X-Client: CN=root"); saw.Header["X-Client"] != nil {
					t.Errorf("%s: the client said who it is, and the WebSocket's backend was told %q", scheme, saw.Header["X-Client"])
				}
			}
		})
	}
}
