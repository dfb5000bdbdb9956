package interop

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const hmacSecret = "a secret of the tests that is long enough for HMAC with SHA-256"

// token is one that counts for an hour, but for what more says. The method is HS256, or none if the key is empty.
func token(t testing.TB, key, user string, more jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": user, "iss": "https://id.example.com/", "aud": "chat", "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range more {
		claims[name] = value
	}
	method, secret := jwt.SigningMethod(jwt.SigningMethodHS256), any([]byte(key))
	if key == "" {
		method, secret = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
	}
	signed, err := jwt.NewWithClaims(method, claims).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// keyFile holds the secret.
func keyFile(t testing.TB) string {
	return writeFile(t, t.TempDir(), "hmac.key", hmacSecret)
}

// usualRecipe writes the manual's recipe into a file, with another backend and key.
func usualRecipe(t testing.TB, upstream string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/recipes/jwt.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(page), "```yaml\n")
	recipe, _, _ = strings.Cut(recipe, "```")
	for old, new := range map[string]string{"ws://127.0.0.1:9000": upstream, "secret.txt": keyFile(t)} {
		if strings.Count(recipe, old) != 1 {
			t.Fatalf("the manual's recipe has no %s to be replaced:\n%s", old, recipe)
		}
		recipe = strings.Replace(recipe, old, new, 1)
	}
	return writeFile(t, t.TempDir(), "weir.yaml", recipe)
}

// TestUsualRecipe: a token in the query, 4001 where it is missing, 4002 where it is not valid, 100 messages in 60 seconds
// and 4003 past that; each client hears the code, and the backend neither of tokens nor of those refused.
func TestUsualRecipe(t *testing.T) {
	t.Parallel()
	clients := doors(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			book := newGuestbook()
			p := startBinary(t, 0, "--config", usualRecipe(t, kind.start(book, t)), "--access-log", "json", "--log-level", "debug", "--drain-timeout", "500ms")
			secrets := []string{hmacSecret}
			for _, client := range clients {
				for _, bad := range []struct {
					name, token string
					code        int
					reason      string
				}{
					{"no token", "", 4001, "auth_missing"},
					{"another key", token(t, hmacSecret+".", "eve", nil), 4002, "auth_invalid"},
					{"alg none", token(t, "", "eve", nil), 4002, "auth_invalid"},
					{"another audience", token(t, hmacSecret, "eve", jwt.MapClaims{"aud": "mail"}), 4002, "auth_invalid"},
					{"expired", token(t, hmacSecret, "eve", jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}), 4002, "auth_expired"},
				} {
					url := p.url("/chat")
					if bad.token != "" {
						url, secrets = url+"?token="+bad.token, append(secrets, bad.token)
					}
					wantEvent(t, client.name+", "+bad.name, client.dial(t, url), "close", bad.code, bad.reason)
				}
			}
			if n := book.came.Load(); n != 0 {
				t.Errorf("%d requests of refused clients came to the backend", n)
			}
			for _, client := range clients {
				good := token(t, hmacSecret, "ada "+client.name, nil)
				secrets = append(secrets, good)
				checkRate(t, client, p.url("/chat?a=1&token="+good+"&b=2"), func() visit { return book.next(t) })
			}
			for reason, n := range map[string]int{"auth_missing": 1, "auth_invalid": 3, "auth_expired": 1} {
				awaitMetric(t, p.Front, float64(n*len(clients)), "weir_sessions_refused_total", strconv.Quote(reason))
			}
			awaitMetric(t, p.Front, float64(len(clients)), "weir_sessions_closed_total", `"message_rate"`)
			p.terminate(t)
			for _, secret := range secrets {
				if strings.Contains(p.stderr.String(), secret) {
					t.Errorf("the log tells a secret, %s", secret)
				}
			}
			if n := book.came.Load(); int(n) != len(clients) {
				t.Errorf("%d requests came to the backend, want %d", n, len(clients))
			}
		})
	}
}

// checkRate sends 100 messages, which all pass, and more until the end. One more may pass for each 600 ms that it takes.
func checkRate(t *testing.T, client door, url string, end func() visit) {
	t.Helper()
	g, passed, began := client.dial(t, url), 100, time.Now()
	g.send(t, passed)
	for range passed {
		wantEvent(t, client.name, g, "message", 0, "")
	}
	g.send(t, 1)
	last := g.next(t)
	for ; last.Event == "message"; last = g.next(t) {
		passed++
		g.send(t, 1)
	}
	if last.Code != 4003 {
		t.Errorf("%s: closed with %d, want 4003", client.name, last.Code)
	}
	if most := 100 + int(time.Since(began)/(600*time.Millisecond)); passed > most {
		t.Errorf("%s: %d messages passed, want at most %d", client.name, passed, most)
	}
	v := end()
	if v.target != "/chat?a=1&b=2" || v.user != "ada "+client.name || strings.Contains(v.head, "eyJ") {
		t.Errorf("%s: the backend was asked as %q:\n%s", client.name, v.user, v.head)
	}
	if v.messages != passed || v.code != 4003 {
		t.Errorf("%s: the backend got %d messages and close %d, want %d and 4003", client.name, v.messages, v.code, passed)
	}
}
