package interop

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/freeport"
)

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate
	dir  string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	form := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	c, key := a.sign(t, form)
	a.key = key
	var err error
	if a.cert, err = x509.ParseCertificate(c.leaf); err != nil {
		t.Fatal(err)
	}
	a.file = c.install(t, a.dir).cert
	return a
}

// sign completes the form; an authority without a certificate signs its own.
func (a *authority) sign(t testing.TB, form *x509.Certificate) (*certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form.SerialNumber, form.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-2*time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = form, key
	}
	leaf, err1 := x509.CreateCertificate(rand.Reader, form, parent, &key.PublicKey, signer)
	secret, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &certificate{leaf, secret}, key
}

// issue makes a certificate, for either side, for host names and addresses; the first is its common name.
func (a *authority) issue(t testing.TB, until time.Duration, names ...string) certificateFiles {
	t.Helper()
	form := &x509.Certificate{Subject: pkix.Name{CommonName: names[0]}, NotAfter: time.Now().Add(until),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			form.IPAddresses = append(form.IPAddresses, ip)
		} else {
			form.DNSNames = append(form.DNSNames, name)
		}
	}
	c, _ := a.sign(t, form)
	dir, err := os.MkdirTemp(a.dir, "leaf")
	if err != nil {
		t.Fatal(err)
	}
	return c.install(t, dir)
}

func (a *authority) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool}
}

// startSecure is startBinary with a listener for TLS beside the clear one.
func startSecure(t testing.TB, files certificateFiles, args ...string) (p *process, addr string) {
	t.Helper()
	addr = freeport.Addr(t)
	return startBinary(t, 0, append(args, "--tls-listen", addr, "--tls-cert", files.cert, "--tls-key", files.key)...), addr
}

// run is what a tool wrote, to both of its outputs, and whether it succeeded.
func run(t testing.TB, stdin, tool string, argv ...string) (out string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, argv...)
	cmd.Stdin = strings.NewReader(stdin)
	b, err := cmd.CombinedOutput()
	var failure *exec.ExitError
	if err != nil && (!errors.As(err, &failure) || ctx.Err() != nil) {
		t.Fatalf("%s: %v; if it is not installed, run make deps\n%s", tool, err, b)
	}
	return string(b), err == nil
}

// startNginx runs it with one server per address that is written into the http block.
func startNginx(t testing.TB, addr, http string) {
	t.Helper()
	dir := t.TempDir()
	conf := "daemon off; master_process off; error_log stderr; pid " + dir + "/pid; events {}\nhttp { access_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	startProcess(t, addr, nil, "nginx", "-e", "stderr", "-p", dir, "-c", writeFile(t, dir, "nginx.conf", conf+http+"}\n"))
}

func writeFile(t testing.TB, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}
