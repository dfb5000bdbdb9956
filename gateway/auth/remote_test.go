package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/gateway/auth"
)

// issuer serves a key set, or lies.
type issuer struct {
	*httptest.Server
	fetches atomic.Int32
	answer  atomic.Pointer[http.HandlerFunc]
	told    chan error // of each fetch
	policy  *auth.Policy
	clock   *clock
}

func body(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// until answers nothing before the channel is closed.
func until(c chan struct{}, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-c:
			then(w, r)
		case <-r.Context().Done():
		}
	}
}

func (i *issuer) set(h http.HandlerFunc) { i.answer.Store(&h) }

// fetched waits for a fetch to end.
func (i *issuer) fetched(t testing.TB) error {
	t.Helper()
	select {
	case err := <-i.told:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("no fetch")
		return nil
	}
}

func newIssuer(t testing.TB, first http.HandlerFunc, change func(*auth.JWT)) *issuer {
	t.Helper()
	i := &issuer{told: make(chan error, 100), clock: newClock()}
	i.set(first)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	i.policy = i.another(t, change)
	i.policy.Start()
	return i
}

func (i *issuer) another(t testing.TB, change func(*auth.JWT)) *auth.Policy {
	t.Helper()
	j := &auth.JWT{Algorithms: []string{"ES256"}, URL: i.URL + "/keys?token=canary"}
	j.Times(time.Hour, time.Minute, 2*time.Second)
	if change != nil {
		change(j)
	}
	return policy(t, auth.Options{JWT: j, Now: i.clock.now, OnFetch: func(err error) { i.told <- err }})
}

func TestKeySetRotates(t *testing.T) {
	i := newIssuer(t, body(set(jwk(t, keys()["ES256"], "old", nil))), nil)
	old := bearer(t, sign(t, "ES256", "old", keys()["ES256"], claims(nil)))
	next := bearer(t, sign(t, "ES256", "new", keys()["other"], claims(nil)))
	expect(t, i.policy, old, "ok") // may have to wait for the first fetch
	if err := i.fetched(t); err != nil {
		t.Fatal(err)
	}
	expect(t, i.policy, next, "auth_invalid") // within the window
	i.set(body(set(jwk(t, keys()["ES256"], "old", nil), jwk(t, keys()["other"], "new", nil))))
	expect(t, i.policy, next, "auth_invalid")
	i.clock.pass(time.Minute)
	expect(t, i.policy, next, "ok")
	expect(t, i.policy, old, "ok")
	i.set(body(set(jwk(t, keys()["other"], "new", nil))))
	i.clock.pass(time.Minute)
	expect(t, i.policy, bearer(t, sign(t, "ES256", "odd", keys()["other"], claims(nil))), "auth_invalid")
	expect(t, i.policy, old, "auth_invalid") // its key was withdrawn
	if n := i.fetches.Load(); n != 3 {
		t.Errorf("%d fetches, want 3", n)
	}
}

// Keys without an id may have signed anything: that they fit a token's algorithm does not tell that its key is there.
func TestKeySetRotatesBesideUnnamed(t *testing.T) {
	for _, kid := range []string{"new", ""} {
		i := newIssuer(t, body(set(jwk(t, keys()["ES256"], "", nil), jwk(t, keys()["ES256"], "old", nil))), nil)
		if err := i.fetched(t); err != nil {
			t.Fatal(err)
		}
		next := bearer(t, sign(t, "ES256", kid, keys()["other"], claims(nil)))
		i.set(body(set(jwk(t, keys()["other"], kid, nil))))
		expect(t, i.policy, next, "auth_invalid") // within the window
		i.clock.pass(time.Minute)
		expect(t, i.policy, next, "ok")
		i.set(status(500))
		i.clock.pass(time.Minute)
		expect(t, i.policy, bearer(t, sign(t, "ES256", "newer", keys()["ES256"], claims(nil))), "auth_unavailable")
		expect(t, i.policy, next, "ok")
		if n := i.fetches.Load(); n != 3 {
			t.Errorf("%d fetches, want 3", n)
		}
	}
}

// Refetch does not mind the window, and one at a time is enough.
func TestRefetch(t *testing.T) {
	release := make(chan struct{})
	i := newIssuer(t, body(set(jwk(t, keys()["ES256"], "old", nil))), nil)
	if err := i.fetched(t); err != nil {
		t.Fatal(err)
	}
	i.set(until(release, body(set(jwk(t, keys()["other"], "new", nil)))))
	for range 10 {
		i.policy.Refetch()
	}
	time.AfterFunc(20*time.Millisecond, func() { close(release) })
	expect(t, i.policy, bearer(t, sign(t, "ES256", "new", keys()["other"], claims(nil))), "ok") // waits for it
	expect(t, i.policy, bearer(t, sign(t, "ES256", "old", keys()["ES256"], claims(nil))), "auth_invalid")
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	policy, _ := hs256(t, nil)
	policy.Refetch() // nothing to fetch
}

func TestKeySetRefreshes(t *testing.T) {
	i := newIssuer(t, body(set(jwk(t, keys()["ES256"], "a", nil))), func(j *auth.JWT) { j.Times(20*time.Millisecond, time.Millisecond, 0) })
	if err := i.fetched(t); err != nil {
		t.Fatal(err)
	}
	i.set(status(500))
	for i.fetched(t) == nil {
	}
	i.set(body(set(jwk(t, keys()["other"], "b", nil))))
	for i.fetched(t) != nil {
	}
	expect(t, i.policy, bearer(t, sign(t, "ES256", "b", keys()["other"], claims(nil))), "ok")
}

// Ten thousand key ids that nobody knows cost one fetch per window, and good tokens pass meanwhile: also while a fetch
// hangs, and while all of them fail.
func TestKeyIDFlood(t *testing.T) {
	i := newIssuer(t, body(set(jwk(t, keys()["ES256"], "a", nil))), nil)
	if err := i.fetched(t); err != nil {
		t.Fatal(err)
	}
	good := bearer(t, sign(t, "ES256", "a", keys()["ES256"], claims(nil)))
	bad := sign(t, "ES256", "b", keys()["other"], claims(nil))
	bad = bad[strings.IndexByte(bad, '.'):]
	flood := func(from, to int, allowed ...string) {
		t.Helper()
		requests := make(chan int)
		var all sync.WaitGroup
		for range 32 { // the caller's bounded set of goroutines
			all.Go(func() {
				for n := range requests {
					r := bearer(t, b64(fmt.Sprintf(`{"alg":"ES256","kid":"%d"}`, n))+bad)
					if got := verdict(decide(t, i.policy, r)); !strings.Contains(strings.Join(allowed, " "), got) {
						t.Errorf("a key id from nowhere: %s", got)
					}
				}
			})
		}
		for n := from; n < to; n++ {
			requests <- n
			if n%100 == 0 {
				if out, done := i.policy.Now(good); !done || out.Identity == nil {
					t.Errorf("a good token: done %v, %v", done, verdict(out))
				}
			}
		}
		close(requests)
		all.Wait()
	}
	window := func(what string, want int32, flood func()) {
		t.Helper()
		before := i.fetches.Load()
		i.clock.pass(time.Minute)
		flood()
		if n := i.fetches.Load() - before; n != want {
			t.Errorf("%s: %d fetches, want %d", what, n, want)
		}
	}
	window("the set answers", 1, func() { flood(0, 10_000, "auth_invalid") })
	i.set(status(500))
	window("the set fails", 1, func() { flood(0, 10_000, "auth_unavailable") })
	window("the next window", 1, func() { flood(0, 100, "auth_unavailable") })
	release := make(chan struct{})
	i.set(until(release, body(set(jwk(t, keys()["ES256"], "a", nil)))))
	window("the set hangs", 1, func() {
		time.AfterFunc(100*time.Millisecond, func() { close(release) })
		flood(0, 1000, "auth_invalid", "auth_unavailable")
	})
	window("the set is back", 1, func() { flood(0, 100, "auth_invalid") })
}

// Whatever a key set's address answers, the last good set stays, and nobody waits longer than the timeout.
func TestHostileKeySets(t *testing.T) {
	good := set(jwk(t, keys()["ES256"], "a", nil))
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { elsewhere.Add(1); fmt.Fprint(w, good) }))
	defer other.Close()
	never := make(chan struct{})
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"500":              {status(500), "status 500"},
		"no content":       {status(204), "status 204"},
		"redirect":         {http.RedirectHandler(other.URL, 302).ServeHTTP, "status 302"},
		"empty":            {body(""), "not one JSON object"},
		"HTML":             {body("<html>"), "not one JSON object"},
		"no keys":          {body(`{"keys":[]}`), "no key that could verify"},
		"null":             {body(`{"keys":null}`), `no list "keys"`},
		"other keys":       {body(set(jwk(t, keys()["EdDSA"], "a", nil))), "no key for the allowed"},
		"a secret":         {body(set(jwk(t, []byte(hmacSecret), "a", nil))), "no key that could verify"},
		"twice":            {body(`{"keys":[{"kid":"a","kid":"b"}]}`), "twice"},
		"deep":             {body(`{"keys":` + strings.Repeat("[", 500_000)), "too deeply"},
		"too many unnamed": {body(set(slices.Repeat([]map[string]any{jwk(t, keys()["ES256"], "", nil)}, 5)...)), "at most 4"},
		"too many keys":    {body(`{"keys":[` + strings.Repeat("{},", 256) + "{}]}"), "has 257 keys"},
		"large":            {body(`{"keys":[], "x":"` + strings.Repeat("x", 2<<20) + `"}`), "larger than"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "larger than"},
		"a large head": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, "header"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, good)
		}, "EOF"},
		"silent": {until(never, status(200)), "deadline"},
		"trickles": {func(w http.ResponseWriter, r *http.Request) {
			for tick := time.NewTicker(50 * time.Millisecond); r.Context().Err() == nil; <-tick.C {
				fmt.Fprint(w, " ")
				_ = http.NewResponseController(w).Flush()
			}
		}, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := time.Minute
			if c.want == "deadline" {
				timeout = time.Second
			}
			i := newIssuer(t, body(good), func(j *auth.JWT) { j.Times(time.Hour, time.Minute, timeout) })
			if err := i.fetched(t); err != nil {
				t.Fatal(err)
			}
			i.set(c.answer)
			i.clock.pass(time.Minute)
			began := time.Now()
			expect(t, i.policy, bearer(t, sign(t, "ES256", "new", keys()["other"], claims(nil))), "auth_unavailable")
			if d := time.Since(began); d > 10*time.Second { // others may need the machine
				t.Errorf("it took %v", d)
			}
			if err := i.fetched(t); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), i.URL+"/keys") || strings.Contains(err.Error(), "canary") {
				t.Errorf("told %v, want %s", err, c.want)
			}
			expect(t, i.policy, bearer(t, sign(t, "ES256", "a", keys()["ES256"], claims(nil))), "ok")
		})
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// Before the first set tokens wait for it, and without one they are not called invalid.
func TestNoKeySetYet(t *testing.T) {
	release := make(chan struct{})
	good := bearer(t, sign(t, "ES256", "a", keys()["ES256"], claims(nil)))
	i := newIssuer(t, until(release, body(set(jwk(t, keys()["ES256"], "a", nil)))), nil)
	if _, done := i.policy.Now(good); done {
		t.Error("decided without a key set")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := verdict(i.policy.Wait(ctx, good)); got != "auth_unavailable" {
		t.Errorf("after its context: %s", got)
	}
	time.AfterFunc(20*time.Millisecond, func() { close(release) })
	expect(t, i.policy, good, "ok")

	down := newIssuer(t, status(503), nil)
	if down.fetched(t) == nil {
		t.Fatal("no error")
	}
	expect(t, down.policy, good, "auth_unavailable")
	if out, done := down.policy.Now(good); !done || out.Refusal.Status != 503 {
		t.Errorf("in the same window: done %v, %v", done, verdict(out))
	}
	expect(t, down.policy, bearer(t, "x"), "auth_invalid")
	expect(t, down.policy, ask(t, ""), "auth_missing")
}

// Close ends those who wait.
func TestCloseEndsWaiting(t *testing.T) {
	i := newIssuer(t, until(make(chan struct{}), status(200)), func(j *auth.JWT) { j.Times(time.Hour, time.Minute, time.Minute) })
	got := make(chan string)
	r := bearer(t, sign(t, "ES256", "a", keys()["ES256"], claims(nil)))
	go func() { got <- verdict(i.policy.Wait(context.Background(), r)) }()
	i.policy.Close()
	if s := <-got; s != "auth_unavailable" {
		t.Error(s)
	}
}
