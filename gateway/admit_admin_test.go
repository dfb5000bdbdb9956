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

// TestRenewByAdmin lets a session outlive its token.
func TestRenewByAdmin(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeTokens(t, cfg); cfg.JWTLeeway = 0 }, b.url())
	soon := time.Now().Add(2 * time.Second)
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
