package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/upstream/discovery"
	"weir/upstream/discovery/dns"
)

// TestCheckSaysWhatAStartWould refuse, though no file, socket or name is opened for it.
func TestCheckSaysWhatAStartWould(t *testing.T) {
	for args, want := range map[string]string{
		"--upstream=ws://a,http://a:80":                           "weir: --upstream: ws://a:80 is given twice; to give a backend more, write #weight=N behind it\n",
		"--upstream=ws://a --listen=:8080 --admin=127.0.0.1:8080": "weir: --admin: 127.0.0.1:8080 overlaps with :8080, where clients connect; write another port\n",
		"--upstream=ws://a --allow=":                              "weir: --allow: is empty, and would restrict nothing; give a value, unset it, or write off\n",
	} {
		for _, command := range [][]string{{"check"}, {}} {
			if exit, stdout, stderr := weir(nil, append(command, strings.Fields(args)...)...); exit != exitError || stdout != "" || stderr != want {
				t.Errorf("%v %s: exit %d, %s", command, args, exit, stderr)
			}
		}
	}
}

func TestCheckWarns(t *testing.T) {
	exit, stdout, stderr := weir([]string{"WEIR_IMAGE_REGISTRY=x"}, "check", "--upstream=ws://a", "--compression=gateway", "--ping-interval=2h")
	want := `The configuration is good.
Warning: WEIR_IMAGE_REGISTRY: no such variable, it is left alone
Warning: --ping-interval: 2h is not below idle-timeout (1h): a silent session is closed before it is pinged
Warning: --compression: sessions with a message of more than 1MiB are closed with 1009, because max-message-size sets no other limit
  listen`
	if exit != exitOK || stderr != "" || !strings.HasPrefix(stdout, want) {
		t.Errorf("exit %d, %s\n%s", exit, stderr, stdout)
	}
}

// TestStartWarns of the same, in the log.
func TestStartWarns(t *testing.T) {
	taken := occupied(t)
	exit, _, stderr := weir([]string{"WEIR_IMAGE_REGISTRY=x"}, "--demo", "--admin=off", "--compression=gateway", "--listen="+taken)
	for _, want := range []string{"WEIR_IMAGE_REGISTRY: no such variable", "--compression: sessions with a message of more than 1MiB"} {
		if exit != exitError || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, no %q in\n%s", exit, want, stderr)
		}
	}
}

// TestCheckOpensFiles with --files alone, all of them, each mistake told once for each place that has it.
func TestCheckOpensFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	leaf, key := signed(t, "a.test", time.Hour)
	other, otherKey := signed(t, "b.test", time.Hour)
	old, oldKey := signed(t, "c.test", -time.Hour)
	cert, right := put("a.pem", leaf), put("a.key", key)
	args := func(cert, key string, more ...string) []string {
		return append([]string{"--upstream=ws://a", "--tls-listen=:443", "--tls-cert=" + cert, "--tls-key=" + key}, more...)
	}
	absent := filepath.Join(dir, "absent")
	routes := put("routes.yaml", "upstream: ws://a\nroutes:\n  - {match: {host: a}, api-keys: "+absent+"}\n  - {match: {host: b}, api-keys: "+absent+"}\n  - {match: {host: c}, deny-file: "+put("lines", "\ufeff10.0.0.1\nx\n")+"}\n")
	for _, test := range []struct {
		name string
		args []string
		want string   // of what is printed where it is good
		errs []string // one a line
	}{
		{"good", args(cert, right, "--upstream-cert="+cert, "--upstream-key="+right, "--upstream-ca="+cert, "--allow-file="+put("allow", "\ufeff10.0.0.1\n")), "The configuration is good.\n  listen", nil},
		{"marked", args(put("marked.pem", "\ufeff"+leaf), put("marked.key", "\ufeff"+key)), "The configuration is good.\n  listen", nil},
		{"expired", args(put("old.pem", old), put("old.key", oldKey)), "The configuration is good.\nWarning: certificate " + dir + "/old.pem: outside its validity", nil},
		{"absent", args(absent, right), "", []string{"there is no file " + absent}},
		{"other key", args(cert, put("b.key", otherKey)), "", []string{"private key does not match public key; do both files come from the same renewal?"}},
		{"chain in the wrong order", args(put("chain.pem", other+leaf), right), "", []string{"the chain is in the wrong order: the key belongs to certificate 2 of it; put that first"}},
		{"the same to backends", args(cert, right, "--upstream-cert="+put("chain2.pem", other+leaf), "--upstream-key="+right), "", []string{"upstream-cert: " + dir + "/chain2.pem: with key " + right + ": the chain is in the wrong order"}},
		{"routes", []string{"--config=" + routes}, "", []string{routes + ":3: routes[0]: api-keys: there is no file " + absent, routes + ":4: routes[1]: api-keys: there is no file " + absent, routes + ":5: routes[2]: deny-file: " + dir + "/lines:2: \"x\" is neither"}},
		{"inherited by routes", []string{"--config=" + put("top.yaml", "upstream: ws://a\nallow-file: "+absent+"\nroutes:\n  - {match: {host: a}}\n  - {match: {host: b}}\n")}, "", []string{dir + "/top.yaml:2: allow-file: there is no file " + absent}},
	} {
		exit, stdout, stderr := weir(nil, append([]string{"check", "--files"}, test.args...)...)
		lines := slices.Collect(strings.Lines(stderr))
		good := len(lines) == len(test.errs) && strings.HasPrefix(stdout, test.want) && (exit == exitOK) == (test.errs == nil)
		for i := range lines {
			good = good && strings.Contains(lines[i], test.errs[i])
		}
		if !good {
			t.Errorf("%s: exit %d, stderr\n%s\nstdout\n%s", test.name, exit, stderr, stdout)
		}
		if exit, _, stderr := weir(nil, append([]string{"check"}, test.args...)...); exit != exitOK || stderr != "" {
			t.Errorf("%s without --files: exit %d, %s", test.name, exit, stderr)
		}
	}
}

// signed is a certificate, by itself, and its key, that ends so far from now.
func signed(t *testing.T, name string, ends time.Duration) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(ends)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestCheckLooksNamesUp(t *testing.T) {
	exit, stdout, stderr := weir(nil, "check", "--resolve", "--upstream=ws://localhost:1,ws://10.0.0.1:1", "--admin=localhost:9090")
	if exit != exitOK || stderr != "" || !strings.Contains(stdout, "\nNames, and their addresses now:\n  localhost  127.0.0.1") {
		t.Errorf("exit %d, %s\n%s", exit, stderr, stdout)
	}
}

// book is a Resolver.
type book map[string]string

func (b book) LookupIP(_ context.Context, name string, _ discovery.Family) (dns.Answer, error) {
	if b[name] == "" {
		return dns.Answer{}, &net.DNSError{Err: "no such host", Name: name}
	}
	return dns.Answer{Addrs: []netip.Addr{netip.MustParseAddr(b[name])}}, nil
}

func (b book) LookupSRV(_ context.Context, name string, _ discovery.Family) ([]discovery.Target, time.Duration, error) {
	if b[name] == "" {
		return nil, 0, &net.DNSError{Err: "no such host", Name: name}
	}
	return []discovery.Target{{Addr: netip.MustParseAddrPort(b[name])}}, 0, nil
}

// TestNames are all that the configuration holds, and who failed is told by where it stands.
func TestNames(t *testing.T) {
	cfg, err := config.Load([]string{"--upstream=ws://one:1,wss://10.0.0.1,unix:///a", "--http-upstream=http://two", "--listen=here:80,unix:/x", "--admin=off",
		"--auth-url=http://who/check", "--jwt-jwks-url=https://keys/set", "--jwt-algorithm=RS256", "--metrics-push-url=http://push:1/x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := lookUp(names(cfg), book{"one": "10.0.0.2", "here": "127.0.0.1", "who": "10.0.0.3", "push": "::1"})
	var all []string
	for _, h := range found {
		all = append(all, h.name)
	}
	if got := strings.Join(all, " "); got != "here one two who keys push" {
		t.Errorf("names %s", got)
	}
	if want := "--http-upstream: lookup two: no such host\n--jwt-jwks-url: lookup keys: no such host"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
