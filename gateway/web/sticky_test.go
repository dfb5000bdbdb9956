package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/gateway/sticky"
	"weir/gateway/web"
)

func TestSticky(t *testing.T) {
	for _, secure := range []bool{false, true} {
		backends := make([]*httptest.Server, 3)
		var specs []string
		for i := range backends {
			backends[i] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, i) }))
			defer backends[i].Close()
			specs = append(specs, specOf("ws", backends[i].URL))
		}
		r := newRig(t, setup{specs: specs, tls: secure, plan: func(p *web.Plan) {
			p.Retries = 2
			p.Sticky = sticky.New([]byte("0123456789abcdef"), "weir", 0, http.SameSiteLaxMode)
		}})

		res, first := r.do("GET", "/", "", "X-Key", "a")
		if len(res.Cookies()) != 1 {
			t.Fatalf("the first answer has cookies %v", res.Cookies())
		}
		cookie := res.Cookies()[0]
		equal(t, "attributes", fmt.Sprint(cookie.Name, cookie.HttpOnly, cookie.Secure, cookie.Path), fmt.Sprint("weir", true, secure, "/"))
		if strings.Contains(cookie.Value, "127") {
			t.Errorf("the cookie %q shows the address", cookie.Value)
		}

		for i := range 20 { // whatever the hash says
			res, body := r.do("GET", "/", "", "X-Key", fmt.Sprint(i), "Cookie", "other=1; weir="+cookie.Value)
			equal(t, "endpoint", body, first)
			equal(t, "cookies set again", len(res.Cookies()), 0)
		}

		forged := strings.Replace(cookie.Value, cookie.Value[:2], "zz", 1)
		res, _ = r.do("GET", "/", "", "Cookie", "weir="+forged)
		equal(t, "cookies set for a forged one", len(res.Cookies()), 1)

		var n int
		fmt.Sscan(first, &n)
		backends[n].Close()
		for range 8 { // until it is known to be down, others are tried
			res, body := r.do("GET", "/", "", "X-Key", "a", "Cookie", "weir="+cookie.Value)
			if body == first || len(res.Cookies()) != 1 {
				t.Fatalf("from endpoint %s to %s with cookies %v", first, body, res.Cookies())
			}
			moved := res.Cookies()[0].Value
			res, again := r.do("GET", "/", "", "X-Key", "b", "Cookie", "weir="+moved)
			equal(t, "endpoint after the move", again, body)
			equal(t, "cookies set after the move", len(res.Cookies()), 0)
		}
	}
}
