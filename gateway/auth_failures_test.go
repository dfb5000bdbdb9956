package gateway_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/bcrypt"

	"weir/gateway/config"
	"weir/gateway/rate"
)

// TestGuessingIsThrottled: one count for an address, over WebSockets, plain requests and HTTP/2 alike, and for all routes.
func TestGuessingIsThrottled(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	page, _ := pages(t)
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) {
		cfg.BasicUsers, cfg.HTTPUpstream = fileOf(t, "ada:"+string(hash)+"\n"), []string{page}
		cfg.AuthFailureRate = rate.Limit{N: 1, Per: time.Hour, Burst: 3}
	}, b.url())
	login := func(password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ada:"+password))
	}
	try := func(request string) int {
		t.Helper()
		p := connect(t, e)
		p.write(request)
		m := p.head()
		_ = p.conn.Close()
		return int(m.first[9]-'0')*100 + int(m.first[10]-'0')*10 + int(m.first[11]-'0')
	}
	h2 := func(from, password string) int {
		t.Helper()
		r, _ := http.NewRequest("GET", "https://"+e.secureAddr()+"/", nil)
		r.Host = "weir.test"
		r.SetBasicAuth("ada", password)
		answer, err := overHTTP2(t, e.ca.clientTLS(), from).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	plain := func(password string) string { return head("GET / HTTP/1.1", "Host: weir.test", login(password)) }
	for i, got := range []int{try(handshake("/", login("wrong"))), try(plain("wrong")), h2("127.0.0.1", "wrong")} {
		if got != 401 {
			t.Errorf("wrong password %d: status %d", i, got)
		}
	}
	for _, password := range []string{"wrong", "right"} {
		for i, got := range []int{try(handshake("/", login(password))), try(plain(password)), h2("127.0.0.1", password)} {
			if got != 429 {
				t.Errorf("%s password beyond the limit, %d: status %d", password, i, got)
			}
		}
	}
	if got := h2("127.0.0.2", "right"); got != 200 {
		t.Errorf("from another address: status %d", got)
	}
	wantRefused(t, e, "auth_rate", 2)
	wantMetric(t, e, `weir_http_failures_total{reason="auth_rate"}`, 4)
}

// TestBadTokensAreThrottled: one count for an address over all protocols, and never for who has a good token.
func TestBadTokensAreThrottled(t *testing.T) {
	t.Parallel()
	page, _ := pages(t)
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.HTTPUpstream = []string{page}
		cfg.AuthFailureRate = rate.Limit{N: 1, Per: time.Hour, Burst: 3}
	}, b.url())
	bad, good, old := bearer("e30.e30.e30"), bearer(token(t, "HS256", nil)), bearer(token(t, "HS256", jwt.MapClaims{"exp": 1}))
	plain := func(credential string) string { return head("GET / HTTP/1.1", "Host: weir.test", credential) }
	h2 := func(credential string, status int) {
		t.Helper()
		r, _ := http.NewRequest("GET", "https://"+e.secureAddr()+"/", nil)
		r.Host = "weir.test"
		r.Header.Set("Authorization", strings.TrimPrefix(credential, "Authorization: "))
		answer, err := overHTTP2(t, e.ca.clientTLS(), "127.0.0.1").Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != status {
			t.Errorf("over HTTP/2: status %d, want %d", answer.StatusCode, status)
		}
	}
	for _, status := range []int{401, 429} {
		wantAnswer(t, e, status, handshake("/", bad))
		wantAnswer(t, e, status, plain(bad))
		h2(bad, status)
		for range 3 {
			wantAnswer(t, e, 401, handshake("/", old))
			h2(good, 200)
			client, server, _ := enter(t, e, b, handshake("/", good))
			_, _ = client.conn.Close(), server.conn.Close()
		}
	}
}

// TestGuessingIsClosed with a code that tells to try later, where refusals are closes.
func TestGuessingIsClosed(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) {
		cfg.APIKeys = fileOf(t, fmt.Sprintf("ci:%x\n", sha256.Sum256([]byte("key"))))
		cfg.AuthFailureRate = rate.Limit{N: 1, Per: time.Hour, Burst: 1}
		cfg.AuthRefusal = config.RefuseClose
	}, listen(t).url())
	for _, code := range []ws.StatusCode{4002, 1013} {
		p := connect(t, g)
		p.write(handshake("/", "X-API-Key: wrong"))
		p.wantStatus(101)
		p.wantClose(code)
	}
}

// A reload that changes rate-table has the failures counted anew in a table of that size; any other leaves the counts.
func TestReloadChangesRoomForFailures(t *testing.T) {
	t.Parallel()
	keys := fileOf(t, fmt.Sprintf("ci:%x\n", sha256.Sum256([]byte("key"))))
	text := "upstream: " + listen(t).url() + "\napi-keys: " + keys + "\nauth-failure-rate: 1/1h burst 1\nrate-table: "
	g := startReloading(t, text+"1000")
	fails := func(status int) {
		t.Helper()
		wantAnswer(t, g, status, handshake("/", "X-API-Key: wrong"))
	}
	fails(401)
	fails(429)
	g.to(text + "1000\nidle-timeout: 5m")
	fails(429)
	g.to(text + "2000")
	fails(401)
	fails(429)
}
