package auth_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/gateway/auth"
)

// service decides by the Authorization field and counts its calls.
type service struct {
	*httptest.Server
	calls  atomic.Int32
	answer atomic.Pointer[http.HandlerFunc]
}

func (s *service) set(h http.HandlerFunc) { s.answer.Store(&h) }

func newService(t testing.TB, h http.HandlerFunc) *service {
	t.Helper()
	s := new(service)
	s.set(h)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func byToken(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("Authorization") {
	case "Bearer good":
		w.Header().Set("X-User", "ada")
		w.Header().Add("X-Group", "a")
		w.Header().Add("X-Group", "b")
		w.Header().Set("X-Secret", "not asked for")
		w.WriteHeader(204)
	case "Bearer weak":
		w.WriteHeader(403)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="there"`)
		w.WriteHeader(401)
	}
}

func (s *service) policy(t testing.TB, change func(*auth.Options)) (*auth.Policy, *clock) {
	t.Helper()
	c := newClock()
	o := auth.Options{Now: c.now, Forward: &auth.Forward{URL: s.URL + "/auth?from=weir", Timeout: 2 * time.Second,
		ResponseHeaders: []string{"x-user", "X-Group", "X-None"}, SubjectHeader: "X-User"}}
	if change != nil {
		change(&o)
	}
	return policy(t, o), c
}

func TestForward(t *testing.T) {
	s := newService(t, byToken)
	p, _ := s.policy(t, nil)
	out := expect(t, p, bearer(t, "good"), "ok")
	if got, want := fieldsText(out.Identity.Fields), "x-user: ada\nX-Group: a\nX-Group: b"; got != want || out.Identity.Subject != "ada" {
		t.Errorf("%q, fields\n%s", out.Identity.Subject, got)
	}
	out = expect(t, p, bearer(t, "bad"), "auth_invalid")
	if out.Missing || !strings.Contains(out.Refusal.Header, "WWW-Authenticate: Bearer realm=\"there\"\r\n") {
		t.Errorf("missing %v, %q", out.Missing, out.Refusal.Header)
	}
	expect(t, p, bearer(t, "weak"), "auth_forbidden")
	if out = expect(t, p, ask(t, ""), "auth_missing"); !out.Missing {
		t.Error("not missing")
	}
	for _, code := range []int{100, 302, 400, 404, 418, 429, 500, 503} {
		s.set(status(code))
		want := "auth_unavailable"
		if code == 100 { // informational, and then 200
			want = "ok"
		}
		expect(t, p, bearer(t, "good"), want)
	}
	s.set(http.RedirectHandler(s.URL+"/in", 302).ServeHTTP)
	before := s.calls.Load()
	expect(t, p, bearer(t, "good"), "auth_unavailable")
	if n := s.calls.Load() - before; n != 1 {
		t.Errorf("%d calls: a redirect was followed", n)
	}
}

// The service is told what came, not what the client says of itself.
func TestForwardTells(t *testing.T) {
	got := make(chan *http.Request, 1)
	s := newService(t, func(_ http.ResponseWriter, r *http.Request) { got <- r })
	p, _ := s.policy(t, nil)
	r := ask(t, "?a=1&token=x", "Authorization: Bearer good", "X-Device: 1", "Cookie: a=b", "cookie: c=d", "X-Forwarded-For: 10.0.0.1",
		"X-Forwarded-Uri: /", "x-forwarded-method: HEAD", "Upgrade: websocket", "Connection: Upgrade")
	expect(t, p, r, "ok")
	told := <-got
	want := http.Header{"Authorization": {"Bearer good"}, "Cookie": {"a=b", "c=d"}, "X-Forwarded-Method": {"GET"}, "X-Forwarded-Proto": {"https"},
		"X-Forwarded-Host": {"a.example"}, "X-Forwarded-Uri": {"/chat?a=1&token=x"}, "X-Forwarded-For": {"192.0.2.7"}}
	told.Header.Del("User-Agent")
	if !maps.EqualFunc(told.Header, want, slices.Equal) || told.Method != "GET" || told.RequestURI != "/auth?from=weir" || told.ContentLength != 0 {
		t.Errorf("%s %s\n%v\nwant\n%v", told.Method, told.RequestURI, told.Header, want)
	}
}

// A service that hangs costs its own timeout, and lets nobody in.
func TestForwardHangs(t *testing.T) {
	s := newService(t, until(make(chan struct{}), status(200)))
	p, _ := s.policy(t, func(o *auth.Options) {
		o.Forward.Timeout, o.Forward.TTL = 100*time.Millisecond, time.Hour
		o.Forward.Bounds(2, 0)
	})
	began := time.Now()
	var all sync.WaitGroup
	for n := range 8 { // more than may ask at once
		all.Go(func() { expect(t, p, bearer(t, fmt.Sprint(n)), "auth_unavailable") })
	}
	all.Wait()
	if d := time.Since(began); d > time.Second {
		t.Errorf("it took %v", d)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if got := verdict(p.Wait(ctx, bearer(t, "x"))); got != "auth_unavailable" {
		t.Errorf("out of time: %s", got)
	}
	s.set(status(200))
	expect(t, p, bearer(t, "0"), "ok") // nothing of it is remembered
	s.Close()
	expect(t, p, bearer(t, "y"), "auth_unavailable")
}

func TestForwardBounds(t *testing.T) {
	var now, most atomic.Int32
	release := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-release
		now.Add(-1)
	})
	p, _ := s.policy(t, func(o *auth.Options) { o.Forward.Bounds(2, 0) })
	var all sync.WaitGroup
	var shed atomic.Int32
	for n := range 100 {
		all.Go(func() {
			r := bearer(t, fmt.Sprint(n))
			r.Client = netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
			if out := decide(t, p, r); out.Refusal != nil {
				if shed.Add(1) == 100-2*17 {
					close(release)
				}
			}
		})
	}
	all.Wait()
	if most.Load() > 2 || shed.Load() != 100-2*17 {
		t.Errorf("%d calls at once, %d of 100 shed", most.Load(), shed.Load())
	}
	held := make(chan struct{}) // one address has as many as are free, which leaves room for another
	var came atomic.Int32
	s.set(func(_ http.ResponseWriter, r *http.Request) { <-held; came.Add(1) })
	shed.Store(0)
	for n := range 100 {
		all.Go(func() {
			if decide(t, p, bearer(t, fmt.Sprint("flood", n))).Refusal != nil {
				if shed.Add(1) == 100-17 {
					other := bearer(t, "other")
					other.Client = netip.MustParseAddr("192.0.2.8")
					all.Go(func() { expect(t, p, other, "ok") })
					close(held)
				}
			}
		})
	}
	all.Wait()
	if shed.Load() != 100-17 || came.Load() != 18 {
		t.Errorf("%d of one address shed, %d calls", shed.Load(), came.Load())
	}
	s.set(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-User", strings.Repeat("x", 9<<10)) })
	expect(t, p, bearer(t, "x"), "auth_unavailable")
	s.set(func(w http.ResponseWriter, r *http.Request) { // an endless body is not waited for
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4<<10)); err != nil {
				return
			}
		}
	})
	expect(t, p, bearer(t, "x"), "ok")
}

func TestForwardRemembers(t *testing.T) {
	s := newService(t, byToken)
	p, c := s.policy(t, func(o *auth.Options) {
		o.Forward.TTL, o.Forward.NegativeTTL = time.Minute, 10*time.Second
		o.Forward.Bounds(0, 3)
	})
	calls := func(what string, want int32, do func()) {
		t.Helper()
		before := s.calls.Load()
		do()
		if n := s.calls.Load() - before; n != want {
			t.Errorf("%s: %d calls, want %d", what, n, want)
		}
	}
	good, bad := bearer(t, "good"), bearer(t, "bad")
	calls("the first", 2, func() { expect(t, p, good, "ok"); expect(t, p, bad, "auth_invalid") })
	calls("the second", 0, func() {
		out, done := p.Now(good)
		if !done || out.Identity == nil || out.Identity.Subject != "ada" {
			t.Errorf("done %v, %v", done, verdict(out))
		}
		expect(t, p, bad, "auth_invalid")
	})
	calls("a flood of bad ones", 20, func() {
		for n := range 20 {
			expect(t, p, bearer(t, fmt.Sprint(n)), "auth_invalid")
		}
	})
	calls("a good one after it", 0, func() { expect(t, p, good, "ok") })
	calls("a bad one pushed out", 1, func() { expect(t, p, bad, "auth_invalid") })
	calls("whatever else could decide", 4, func() {
		path := bearer(t, "good")
		path.Target = []byte("/admin")
		host := bearer(t, "good")
		host.Host = []byte("b.example")
		client := bearer(t, "good")
		client.Client = client.Client.Next()
		expect(t, p, path, "ok")
		expect(t, p, host, "ok")
		expect(t, p, client, "ok")
		expect(t, p, ask(t, "", "Cookie: x=y"), "auth_invalid") // a field moved to another name is another request
	})
	c.pass(10 * time.Second)
	calls("a bad one's time is over", 1, func() { expect(t, p, bad, "auth_invalid") })
	c.pass(50 * time.Second)
	calls("a good one's time is over", 1, func() { expect(t, p, good, "ok") })

	release := make(chan struct{})
	s.set(until(release, byToken))
	c.pass(time.Hour)
	calls("at once", 1, func() {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { expect(t, p, good, "ok") })
		}
		time.AfterFunc(50*time.Millisecond, func() { close(release) })
		all.Wait()
	})
}

// One who shares a call and gives up does not take it from the others.
func TestForwardSharedCall(t *testing.T) {
	asked, release := make(chan struct{}, 2), make(chan struct{}) // twice, where the second comes when the first has given up
	s := newService(t, func(w http.ResponseWriter, r *http.Request) { asked <- struct{}{}; <-release; byToken(w, r) })
	p, _ := s.policy(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	first, second := make(chan string), make(chan string)
	go func() { first <- verdict(p.Wait(ctx, bearer(t, "good"))) }()
	<-asked
	go func() { second <- verdict(p.Wait(context.Background(), bearer(t, "good"))) }()
	cancel()
	if got := <-first; got != "auth_unavailable" {
		t.Errorf("gave up: %s", got)
	}
	close(release)
	if got := <-second; got != "ok" {
		t.Errorf("stayed: %s", got)
	}
}

// A call outlives the one who began it, and with that the bytes that were lent.
func TestForwardKeepsItsRequest(t *testing.T) {
	seen, release := make(chan string, 2), make(chan struct{})
	s := newService(t, func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		<-release
	})
	p, _ := s.policy(t, func(o *auth.Options) { o.Forward.Bounds(1, 0) })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, token := range []string{"first", "second"} {
		r := bearer(t, token).Clone()
		p.Wait(ctx, r)
		for _, f := range r.Fields {
			copy(f.Value, strings.Repeat("!", len(f.Value)))
		}
	}
	close(release)
	if got := map[string]bool{<-seen: true, <-seen: true}; !got["Bearer first"] || !got["Bearer second"] {
		t.Errorf("asked about %v", got)
	}
}
