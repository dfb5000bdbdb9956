package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
)

// TestCloseByAdmin ends the sessions that are meant, and no others.
func TestCloseByAdmin(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeTokens(t, cfg) }, b.url())
	open := func(user string) *peer {
		client, _, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", jwt.MapClaims{"sub": user, "team": "blue"}))))
		return client
	}
	ada, bob := open("ada"), open("bob")
	for _, bad := range []string{"", "?user=", "?ip=nonsense", "?claim=team", "?claim=:blue", "?user=ada&code=1005", "?route=default&usr=ada",
		"?route=default&user=", "?route=default&user=ada&user=bob", "?route=default&user=ada;x", "?route=default&expires=1", "?route=default&Code=4403"} {
		if status, body := ask(t, g, "POST", "/sessions/close"+bad); status != 400 {
			t.Errorf("%q: status %d, %s", bad, status, body)
		}
	}
	if status, body := ask(t, g, "POST", "/sessions/close?route=default", func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader("usr=ada"))
	}); status != 400 {
		t.Errorf("a typo in the body: status %d, %s", status, body)
	}
	if status, body := ask(t, g, "POST", "/sessions/close?user=ada&claim=team:blue&ip=127.0.0.0/8&route=default&code=4403"); status != 200 || !strings.Contains(body, `"closed":1`) {
		t.Errorf("status %d, %s", status, body)
	}
	ada.wantClose(4403)
	if status, body := ask(t, g, "POST", "/sessions/close?claim=team:red"); status != 200 || !strings.Contains(body, `"closed":0`) {
		t.Errorf("status %d, %s", status, body)
	}
	if n := metric(t, g, "weir_sessions_open"); n > 2 {
		t.Errorf("%v sessions", n)
	}
	ask(t, g, "POST", "/sessions/close?route=default")
	bob.wantClose(1008)
}

// TestCloseByAdminInHandshake: a call also ends what is only on its way in, in each phase, and nobody else's.
func TestCloseByAdminInHandshake(t *testing.T) {
	t.Parallel()
	closes := func(g *rig, query string, n int) {
		t.Helper()
		want := fmt.Sprintf(`"closed":%d`, n)
		if status, body := ask(t, g, "POST", "/sessions/close?"+query); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: status %d, %s, want %s", query, status, body, want)
		}
	}
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) { takeTokens(t, cfg) }, b.url())
	asking := connect(t, e)
	asking.write(handshake("/", bearer(token(t, "HS256", jwt.MapClaims{"sub": "ada"}))))
	server := b.accept()
	server.head() // which gets no answer
	closes(e, "user=bob", 0)
	closes(e, "user=ada&route=default", 1)
	asking.wantStatus(403)
	server.wantEnd()
	begun, silent, shaking := connect(t, e), connect(t, e), e.reach()
	begun.write("GET / HTTP/1.1\r\n")
	shaking.write(e.hello()[:50])
	wantMetric(t, e, "weir_client_connections", 3)
	closes(e, "ip=127.0.0.2", 0)
	closes(e, "user=ada", 0)
	closes(e, "ip=127.0.0.1", 3)
	begun.wantStatus(403)
	silent.wantEnd()
	shaking.wantEnd()
	wantRefused(t, e, "closed_by_admin", 4)

	for user, status := range map[string]int{"somebody else": 101, "ada": 403} { // whose token cannot be checked yet
		g, b, keys, client := waiting(t, nil)
		closes(g, "user="+strings.ReplaceAll(user, " ", "+")+"&route=default", 0)
		keys.release()
		if status == 101 {
			b.accept().upgrade()
		}
		client.wantStatus(status)
	}
}

// TestRenewByAdmin lets a session outlive its token.
func TestRenewByAdmin(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeTokens(t, cfg); cfg.JWTLeeway = 0 }, b.url())
	soon := time.Now().Add(4 * time.Second)
	tokenFor := func(user string) string {
		return token(t, "HS256", jwt.MapClaims{"sub": user, "exp": soon.Unix() + 1})
	}
	kept, _, _ := enter(t, g, b, handshake("/", bearer(tokenFor("ada"))))
	let, _, _ := enter(t, g, b, handshake("/", bearer(tokenFor("bob"))))
	for _, bad := range []int64{0, soon.Add(-time.Hour).Unix(), soon.Add(time.Hour).UnixMilli()} {
		if status, body := ask(t, g, "POST", fmt.Sprintf("/sessions/renew?user=ada&expires=%d", bad)); status != 400 {
			t.Errorf("until %d: status %d, %s", bad, status, body)
		}
	}
	if status, body := ask(t, g, "POST", fmt.Sprintf("/sessions/renew?user=ada&expires=%d", soon.Add(time.Hour).Unix())); status != 200 || !strings.Contains(body, `"renewed":1`) {
		t.Errorf("status %d, %s", status, body)
	}
	let.wantClose(4401)
	if n := metric(t, g, "weir_sessions_open"); n < 1 {
		t.Error("the renewed session ended as well")
	}
	ask(t, g, "POST", "/sessions/close?user=ada&code=1001")
	kept.wantClose(1001)
}
