package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/auth"
	turns "weir/gateway/limits"
	"weir/gateway/rate"
)

// failures allow burst failures, and next to none later.
func failures(burst float64) *auth.Failures {
	return auth.NewFailures(auth.FailureOptions{Limit: rate.Limit{N: 1, Per: time.Hour, Burst: burst}, IPv6Prefix: 64, Table: 1000,
		Shared: func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.1") }})
}

func from(addr string, r *auth.Request) *auth.Request {
	r.Client = netip.Addr{}
	if addr != "" {
		r.Client = netip.MustParseAddr(addr)
	}
	return r
}

// TestFailuresAreLimited: of each address, and of a name from a place that many come from; then no password is looked at, be
// it right, and others are not touched.
func TestFailuresAreLimited(t *testing.T) {
	name := file(t, "ada:"+hashed(t, "right", 4)+"\nrobot:"+sum("right"))
	for _, user := range []string{"ada", "robot", "eve"} { // bcrypt, SHA-256, unknown
		p := policy(t, auth.Options{Failures: failures(3), IPv6Prefix: 64, Basic: &auth.Basic{File: name}})
		for range 3 {
			expect(t, p, from("192.0.2.1", login(t, user+":wrong")), "auth_invalid")
		}
		expect(t, p, from("192.0.2.1", login(t, user+":wrong")), "auth_rate")
		expect(t, p, from("192.0.2.1", login(t, "ada:right")), "auth_rate")
		expect(t, p, from("192.0.2.1", ask(t, "", "Authorization: Basic !")), "auth_rate")
		expect(t, p, from("192.0.2.1", ask(t, "")), "auth_missing")
		expect(t, p, from("192.0.2.2", login(t, "ada:right")), "ok")
		for _, many := range []string{"10.0.0.1", ""} { // a proxy that does not say whom it speaks for, and a unix socket
			for range 3 {
				expect(t, p, from(many, login(t, user+":wrong")), "auth_invalid")
			}
			expect(t, p, from(many, login(t, user+":wrong")), "auth_rate")
			expect(t, p, from(many, login(t, "other:wrong")), "auth_invalid")
		}
		for n := range 3 {
			expect(t, p, from(fmt.Sprintf("2001:db8::%d", n), login(t, user+":wrong")), "auth_invalid")
		}
		expect(t, p, from("2001:db8::9", login(t, "ada:right")), "auth_rate")
	}
}

// TestFailuresOfEachKind: keys and passwords are not looked at beyond the limit. What a service says of other credentials than
// passwords does not count.
func TestFailuresOfEachKind(t *testing.T) {
	keys := policy(t, auth.Options{Failures: failures(2), Keys: &auth.Keys{File: file(t, "ci:"+sum("key"))}})
	for _, want := range []string{"auth_invalid", "auth_invalid", "auth_rate"} {
		expect(t, keys, ask(t, "", "X-API-Key: bad"), want)
	}
	expect(t, keys, ask(t, "", "X-API-Key: key"), "auth_rate")

	var calls atomic.Int32
	s := newService(t, func(w http.ResponseWriter, _ *http.Request) { calls.Add(1); w.WriteHeader(401) })
	asked := policy(t, auth.Options{Failures: failures(2), Forward: &auth.Forward{URL: s.URL}})
	for range 5 {
		expect(t, asked, bearer(t, "old"), "auth_invalid")
	}
	for _, want := range []string{"auth_invalid", "auth_invalid", "auth_rate"} {
		expect(t, asked, login(t, "ada:wrong"), want)
	}
	if n := calls.Load(); n != 7 {
		t.Errorf("the service was called %d times", n)
	}
}

// TestBadTokensAreLimited: tokens without a good signature, of each address. Good ones, those that have expired and those for
// others are what they are all the time; and passwords have counts of their own.
func TestBadTokensAreLimited(t *testing.T) {
	c := newClock()
	p := policy(t, auth.Options{Now: c.now, Failures: failures(3), IPv6Prefix: 64, JWT: &auth.JWT{Algorithms: []string{"HS256"}, KeyFile: file(t, hmacSecret), Audiences: []string{"us"}},
		Basic: &auth.Basic{File: file(t, "robot:"+sum("right"))}})
	with := func(secret string, more jwt.MapClaims) string {
		return sign(t, "HS256", "", []byte(secret), claims(more))
	}
	us := jwt.MapClaims{"aud": "us"}
	signed, forged := with(hmacSecret, us), with("another "+hmacSecret, us)
	still := func(addr string) {
		t.Helper()
		for range 5 {
			expect(t, p, from(addr, bearer(t, signed)), "ok")
			expect(t, p, from(addr, bearer(t, with(hmacSecret, jwt.MapClaims{"aud": "us", "exp": 1}))), "auth_expired")
			expect(t, p, from(addr, bearer(t, with(hmacSecret, jwt.MapClaims{"aud": "others"}))), "auth_invalid")
		}
	}
	still("192.0.2.1")
	for _, bad := range []string{forged, "no token", strings.Replace(forged, ".", "..", 1)} {
		expect(t, p, from("192.0.2.1", bearer(t, bad)), "auth_invalid")
	}
	for _, bad := range []string{forged, "no token"} {
		expect(t, p, from("192.0.2.1", bearer(t, bad)), "auth_rate")
	}
	still("192.0.2.1")
	expect(t, p, from("192.0.2.1", login(t, "robot:right")), "ok")
	expect(t, p, from("192.0.2.2", bearer(t, forged)), "auth_invalid")
	for range 5 { // a proxy that does not say whom it speaks for
		expect(t, p, from("10.0.0.1", bearer(t, forged)), "auth_invalid")
	}
}

// TestNamesAreOnlySlowed: whoever guesses for a name from everywhere does not lock its owner out, and who has come in by it
// from his address goes before the others.
func TestNamesAreOnlySlowed(t *testing.T) {
	compute := turns.NewTurns(1, 64)
	p := policy(t, auth.Options{Failures: failures(3), Compute: compute, Basic: &auth.Basic{File: file(t, "ada:"+hashed(t, "right", 4)+"\nbob:"+hashed(t, "right", 5))}})
	expect(t, p, from("192.0.2.7", login(t, "ada:right")), "ok")
	for n := range 10 {
		expect(t, p, from(fmt.Sprintf("198.51.100.%d", n), login(t, "ada:wrong")), "auth_invalid")
	}
	expect(t, p, from("192.0.2.8", login(t, "ada:right")), "ok") // alone nobody waits

	compute.Queue(netip.Addr{}, func() {})
	var all sync.WaitGroup
	for n, c := range []struct{ from, login string }{
		{"192.0.2.9", "ada:wrong"}, {"192.0.2.10", "bob:right"}, {"192.0.2.7", "ada:mistyped"}, // a stranger, another name, the owner
	} {
		r := from(c.from, login(t, c.login)).Clone()
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			p.Wait(ctx, r)
		})
		for compute.Waiting() <= n {
			time.Sleep(time.Millisecond)
		}
	}
	behind := make(chan struct{}) // those who came before, but for the stranger
	compute.Queue(netip.MustParseAddr("192.0.2.11"), func() { close(behind) })
	compute.Done()
	<-behind
	if n := compute.Waiting(); n != 1 {
		t.Errorf("%d wait, and not the stranger alone", n)
	}
	compute.Done()
	all.Wait()
}

// TestGuessesAtOnce: of a burst no more are hashed than may fail, and others need not wait for all of it.
func TestGuessesAtOnce(t *testing.T) {
	p := policy(t, auth.Options{Failures: failures(5), Compute: turns.NewTurns(1, 64), Basic: &auth.Basic{File: file(t, "ada:"+hashed(t, "right", 6))}})
	var invalid, limited atomic.Int32
	var all sync.WaitGroup
	for n := range 200 {
		r := from("192.0.2.1", login(t, fmt.Sprintf("ada:%d", n))).Clone()
		all.Go(func() {
			switch got := verdict(decide(t, p, r)); got {
			case "auth_invalid":
				invalid.Add(1)
			case "auth_rate":
				limited.Add(1)
			default:
				t.Error(got)
			}
		})
	}
	all.Wait()
	if invalid.Load() != 5 || limited.Load() != 195 {
		t.Errorf("%d were looked at, %d not", invalid.Load(), limited.Load())
	}
	expect(t, p, from("192.0.2.2", login(t, "ada:right")), "ok")
}
