package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
)

// takesTokens has a gateway ask for tokens in the query.
func takesTokens(t testing.TB, cfg *config.Config) {
	cfg.JWTKeys, cfg.JWTAlgorithm, cfg.JWTFrom, cfg.JWTLeeway = keyFile(t), []string{"HS256"}, []string{"query:token"}, 0
}

// renew has the sessions of a user last until a time, and tells how many there are.
func (f *Front) renew(t testing.TB, user string, until time.Time) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	query := url.Values{"user": {user}, "expires": {fmt.Sprint(until.Unix())}}
	answer, err := client.Post("http://"+f.Admin+"/sessions/renew?"+query.Encode(), "", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var did struct{ Renewed int }
	if err := json.NewDecoder(answer.Body).Decode(&did); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("renewing: %s, %v", answer.Status, err)
	}
	return did.Renewed
}

// sitting is a session of a guest.
type sitting struct {
	guest
	name string
	book *guestbook
}

// wantExpiry awaits the end of the session, which both sides are told of, and at its time.
func (s *sitting) wantExpiry(t testing.TB, at time.Time) {
	t.Helper()
	wantEvent(t, s.name, s, "close", 4401, "auth_expired")
	if early := time.Until(at); early > 0 || early < -patience/3 {
		t.Errorf("%s: the end came %v before its time", s.name, early)
	}
	if v := s.book.next(t); v.code != 4401 {
		t.Errorf("%s: the backend got close %d, want 4401", s.name, v.code)
	}
}

// wantEcho of a message.
func (s *sitting) wantEcho(t testing.TB) {
	t.Helper()
	s.send(t, 1)
	wantEvent(t, s.name, s, "message", 0, "")
}

// TestTokenEnds at exp, and the session with it; one that was renewed lives on, until it ends at the time it was given.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	clients := doors(t)
	exp := time.Unix(time.Now().Unix()+10, 0) // by then all have to be in
	later := exp.Add(time.Second)
	var brief, renewed []*sitting
	for _, kind := range kinds {
		book := newGuestbook()
		f := tuned(t, func(cfg *config.Config) { takesTokens(t, cfg) }, kind.start(book, t))
		for _, client := range clients {
			enter := func(user string) *sitting {
				t.Helper()
				url := f.url("/?token=" + token(t, hmacSecret, user, jwt.MapClaims{"exp": exp.Unix()}))
				s := &sitting{client.dial(t, url), fmt.Sprintf("%s by %s, %s", client.name, kind.name, user), book}
				s.wantEcho(t)
				return s
			}
			brief, renewed = append(brief, enter("brief")), append(renewed, enter("renewed"))
		}
		if n := f.renew(t, "renewed", later); n != len(clients) {
			t.Fatalf("%d sessions were renewed, want %d", n, len(clients))
		}
	}
	for _, s := range brief {
		s.wantExpiry(t, exp)
	}
	for _, s := range renewed {
		s.wantEcho(t)
	}
	for _, s := range renewed {
		s.wantExpiry(t, later)
	}
}
