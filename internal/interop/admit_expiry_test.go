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

// TestTokenEnds at exp, and the session with it; one that was renewed lives on, until it ends at the time it was given.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	clients := doors(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			book := newGuestbook()
			f := tuned(t, func(cfg *config.Config) { takesTokens(t, cfg) }, kind.start(book, t))
			exp := time.Unix(time.Now().Unix()+3, 0)
			later := exp.Add(time.Second)
			enter := func(client door, user string) guest {
				t.Helper()
				g := client.dial(t, f.url("/?token="+token(t, hmacSecret, user, jwt.MapClaims{"exp": exp.Unix()})))
				g.send(t, 1)
				wantEvent(t, client.name, g, "message", 0, "")
				return g
			}
			ended := func(client door, g guest, at time.Time) {
				t.Helper()
				wantEvent(t, client.name, g, "close", 4401, "")
				if early := time.Until(at); early > 0 || early < -patience/3 {
					t.Errorf("%s: the end came %v before its time", client.name, early)
				}
				if v := book.next(t); v.code != 4401 {
					t.Errorf("%s: the backend got close %d, want 4401", client.name, v.code)
				}
			}
			var brief, renewed []guest
			for _, client := range clients {
				brief, renewed = append(brief, enter(client, "brief")), append(renewed, enter(client, "renewed"))
			}
			if n := f.renew(t, "renewed", later); n != len(renewed) {
				t.Fatalf("%d sessions were renewed, want %d", n, len(renewed))
			}
			for i, client := range clients {
				ended(client, brief[i], exp)
			}
			for i, client := range clients {
				renewed[i].send(t, 1)
				wantEvent(t, client.name+", renewed", renewed[i], "message", 0, "")
			}
			for i, client := range clients {
				ended(client, renewed[i], later)
			}
		})
	}
}
