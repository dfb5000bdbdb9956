package auth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/gateway/auth"
	"weir/internal/freeport"
)

// TestSilenceIsTold: of each call that decided nothing the cause is told, and nothing that the URL holds.
func TestSilenceIsTold(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer lost":
			w.WriteHeader(404)
		case "Bearer late":
			<-r.Context().Done()
		default:
			w.WriteHeader(401)
		}
	})
	for _, c := range []struct{ url, token, want, cause string }{
		{s.URL, "lost", "auth_unavailable", "status 404"},
		{s.URL, "late", "auth_unavailable", "deadline exceeded"},
		{s.URL, "bad", "auth_invalid", ""},
		{"http://" + freeport.Addr(t), "good", "auth_unavailable", "connection refused"},
	} {
		told := make(chan error, 8)
		p := policy(t, auth.Options{OnSilence: func(err error) { told <- err },
			Forward: &auth.Forward{URL: c.url + "/auth?token=canary", Timeout: 200 * time.Millisecond}})
		expect(t, p, bearer(t, c.token), c.want)
		if c.cause == "" {
			if len(told) > 0 {
				t.Errorf("%s: told %v", c.token, <-told)
			}
			continue
		}
		if len(told) != 1 {
			t.Fatalf("%s: told %d times", c.token, len(told))
		}
		if text := (<-told).Error(); !strings.Contains(text, c.cause) || !strings.Contains(text, c.url+"/auth: ") || strings.Contains(text, "canary") {
			t.Errorf("%s: told %q, want %s", c.token, text, c.cause)
		}
	}
}

// TestKeySetTellsWhatIsLeft: whether there is a key set that stays in use.
func TestKeySetTellsWhatIsLeft(t *testing.T) {
	i := newIssuer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, nil)
	if err := i.fetched(t); err == nil || !strings.HasSuffix(err.Error(), "there is none yet, so tokens get 503") {
		t.Errorf("at first: %v", err)
	}
	i.set(body(set(jwk(t, keys()["ES256"], "one", nil))))
	i.policy.Refetch()
	if err := i.fetched(t); err != nil {
		t.Fatal(err)
	}
	i.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	i.policy.Refetch()
	if err := i.fetched(t); err == nil || !strings.HasSuffix(err.Error(), "the last one stays in use") {
		t.Errorf("later: %v", err)
	}
}
