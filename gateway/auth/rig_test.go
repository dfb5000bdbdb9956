package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/codec/http1"
	"weir/gateway/auth"
)

var limits = http1.Limits{Head: 64 << 10, Fields: 64}

// ask is a handshake with a query and further header lines, parsed as the gateway does.
func ask(t testing.TB, query string, lines ...string) *auth.Request {
	t.Helper()
	var r http1.Request
	head := "GET /chat" + query + " HTTP/1.1\r\nHost: a.example\r\n"
	for _, l := range lines {
		head += l + "\r\n"
	}
	if n, why := r.Parse([]byte(head+"\r\n"), limits); n == 0 {
		t.Fatalf("the test's own request: %v", why)
	}
	return &auth.Request{Method: r.Method, Host: r.Host, Target: r.Target, Path: r.Path, Query: r.Query, Fields: r.Fields,
		Client: netip.MustParseAddr("192.0.2.7"), TLS: true}
}

func bearer(t testing.TB, token string) *auth.Request {
	return ask(t, "", "Authorization: Bearer "+token)
}

func policy(t testing.TB, o auth.Options) *auth.Policy {
	t.Helper()
	p, err := auth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// decide is what a gateway does with a request: Now, and Wait with a copy if that is not done. The bytes that were lent
// to Now are overwritten after it.
func decide(t testing.TB, p *auth.Policy, r *auth.Request) auth.Outcome {
	t.Helper()
	out, done := p.Now(r)
	if !done {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		out = p.Wait(ctx, r.Clone())
	}
	if (out.Identity == nil) == (out.Refusal == nil) {
		t.Fatalf("%v: neither let in nor refused, or both: %+v", r, out)
	}
	return out
}

// verdict is the reason of a refusal, "ok" without one.
func verdict(out auth.Outcome) string {
	if out.Refusal != nil {
		return out.Refusal.Reason
	}
	return "ok"
}

func expect(t testing.TB, p *auth.Policy, r *auth.Request, want string) auth.Outcome {
	t.Helper()
	out := decide(t, p, r)
	if got := verdict(out); got != want {
		t.Errorf("%s (%s), want %s", got, out.Detail, want)
	}
	return out
}

// file writes a file of keys or users.
func file(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, content)
	return name
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clock is wall time that the test moves. Any goroutine.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const hmacSecret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// claims are good ones at the clock's first time.
func claims(more jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "ada", "exp": 1_700_000_600}
	for k, v := range more {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func sign(t testing.TB, alg, kid string, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forge signs any header and payload with the HMAC secret.
func forge(t testing.TB, header, payload string) string {
	t.Helper()
	signed := b64(header) + "." + b64(payload)
	mac, err := jwt.SigningMethodHS256.Sign(signed, []byte(hmacSecret))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + b64(string(mac))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// hs256 is a policy for tokens of the HMAC secret.
func hs256(t testing.TB, change func(*auth.JWT)) (*auth.Policy, *clock) {
	t.Helper()
	c := newClock()
	j := &auth.JWT{Algorithms: []string{"HS256"}, KeyFile: file(t, hmacSecret+"\n")}
	if change != nil {
		change(j)
	}
	return policy(t, auth.Options{JWT: j, Now: c.now}), c
}

func fieldsText(fields []http1.Field) string {
	var b bytes.Buffer
	for _, f := range fields {
		b.WriteString(string(f.Name) + ": " + string(f.Value) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
