package auth_test

import (
	"strings"
	"testing"

	"weir/codec/http1"
	"weir/gateway/auth"
)

func sources(t testing.TB, list string) (all []auth.Source) {
	t.Helper()
	for _, s := range strings.Fields(list) {
		src, err := auth.ParseSource(s)
		if err != nil {
			t.Fatal(err)
		}
		if src.String() != s {
			t.Errorf("%s reads %s", s, src)
		}
		all = append(all, src)
	}
	return all
}

// Where a token is found, and what the backend gets of the request once it is stripped. GOOD and BAD stand for tokens.
func TestSources(t *testing.T) {
	for _, c := range []struct {
		name, from, query, lines string
		want                     string // "-": missing
		target, fields           string
	}{
		{"header", "header", "", "Authorization: bearer  GOOD|X: y", "ok", "/chat", "X: y"},
		{"header with a tab", "header", "", "Authorization: Bearer\tGOOD|X: y", "ok", "/chat", "X: y"},
		{"header with a tab, bad", "header", "", "Authorization: Bearer \t BAD", "auth_invalid", "", ""},
		{"header of another scheme", "header", "", "Authorization: Basic GOOD", "-", "", ""},
		{"scheme alone", "header", "", "Authorization: Bearer", "-", "", ""},
		{"two headers", "header", "", "Authorization: Bearer GOOD|Authorization: Bearer BAD", "auth_invalid", "", ""},
		{"another scheme stays", "cookie:t header", "", "Authorization: Basic eA==|Cookie: t=GOOD", "ok", "/chat", "Authorization: Basic eA=="},
		{"bare header", "header:X-Token", "", "X-Token: GOOD|x_token: BAD|X-Tok: 1", "ok", "/chat", "X-Tok: 1"},
		{"cookie", "cookie:t", "", "Cookie: a=1; t=GOOD;b=2|Cookie: t2=3", "ok", "/chat", "Cookie: a=1; b=2|Cookie: t2=3"},
		{"only cookie", "cookie:t", "", "Cookie: t=GOOD", "ok", "/chat", ""},
		{"two cookies", "cookie:t", "", "Cookie: t=GOOD|Cookie: t=BAD", "auth_invalid", "", ""},
		{"empty cookie", "cookie:t header", "", "Cookie: t=|Authorization: Bearer GOOD", "ok", "/chat", ""},
		{"cookie's case", "cookie:t", "", "Cookie: T=GOOD", "-", "", ""},
		{"query", "query:token", "?a=1&token=GOOD&b=%20", "", "ok", "/chat?a=1&b=%20", ""},
		{"query alone", "query:token", "?token=GOOD", "", "ok", "/chat", ""},
		{"query twice", "query:token", "?token=GOOD&token=BAD", "", "auth_invalid", "", ""},
		{"query twice, in disguise", "query:token", "?token=GOOD&%74oken=BAD", "", "auth_invalid", "", ""},
		{"query, escaped", "query:token", "?%74oken=ESCAPED", "", "ok", "/chat", ""},
		{"query, with a line end", "query:token", "?token=GOOD%0A", "", "auth_invalid", "", ""},
		{"query, another name", "query:token", "?tokens=GOOD&tok=GOOD&Token=GOOD", "", "-", "", ""},
		{"the first source decides", "query:token header", "?token=BAD", "Authorization: Bearer GOOD", "auth_invalid", "", ""},
		{"all sources are stripped", "header query:token cookie:t", "?token=BAD&x", "Authorization: Bearer GOOD|Cookie: t=BAD", "ok", "/chat?x", ""},
		{"protocol", "protocol:bearer", "", "Sec-WebSocket-Protocol: graphql-ws, bearer, GOOD,v2", "ok", "/chat", "Sec-WebSocket-Protocol: graphql-ws, v2"},
		{"protocol in two fields", "protocol:bearer", "", "Sec-WebSocket-Protocol: a, bearer|X: y|Sec-WebSocket-Protocol: GOOD, b", "ok", "/chat", "Sec-WebSocket-Protocol: a|X: y|Sec-WebSocket-Protocol: b"},
		{"protocol alone", "protocol:bearer", "", "Sec-WebSocket-Protocol: bearer, GOOD", "ok", "/chat", ""},
		{"protocol without a token", "protocol:bearer", "", "Sec-WebSocket-Protocol: a, bearer", "-", "", ""},
		{"protocol twice", "protocol:bearer", "", "Sec-WebSocket-Protocol: bearer, GOOD, bearer, BAD", "auth_invalid", "", ""},
		{"prefix", "protocol-prefix:jwt.", "", "Sec-WebSocket-Protocol: jwt.GOOD, chat", "ok", "/chat", "Sec-WebSocket-Protocol: chat"},
		{"prefix alone", "protocol-prefix:jwt.", "", "Sec-WebSocket-Protocol: jwt., chat", "-", "", ""},
	} {
		from := sources(t, c.from)
		p, _ := hs256(t, func(j *auth.JWT) { j.From = from })
		good := sign(t, "HS256", "", []byte(hmacSecret), claims(nil))
		fill := strings.NewReplacer("GOOD", good, "BAD", "x.y.z", "ESCAPED", strings.ReplaceAll(good, ".", "%2E"))
		var lines []string
		if c.lines != "" {
			lines = strings.Split(fill.Replace(c.lines), "|")
		}
		r := ask(t, fill.Replace(c.query), lines...)
		before := fieldsText(r.Fields)
		out := decide(t, p, r)
		want := c.want
		if want == "-" {
			want = "auth_missing"
		}
		if got := verdict(out); got != want || out.Missing != (c.want == "-") {
			t.Errorf("%s: %s (%s), missing %v", c.name, got, out.Detail, out.Missing)
		}
		if out.Identity == nil {
			continue
		}
		strip := out.Identity.Strip
		if got := string(strip.Target(r.Target)); got != c.target {
			t.Errorf("%s: target %s", c.name, got)
		}
		const host = "Host: a.example"
		want = strings.TrimSuffix(host+"\n"+strings.ReplaceAll(c.fields, "|", "\n"), "\n")
		room := make([]http1.Field, 1, 2)
		if got := fieldsText(strip.Fields(room, r.Fields)[1:]); got != want || fieldsText(r.Fields) != before {
			t.Errorf("%s: fields\n%s\nwant\n%s", c.name, got, want)
		}
		if got := fieldsText(strip.Fields(r.Fields[:0], r.Fields)); got != want {
			t.Errorf("%s, in place: fields\n%s\nwant\n%s", c.name, got, want)
		}
		if wantProtocol := strings.HasPrefix(c.from, "protocol:"); (out.Identity.Protocol == "bearer") != wantProtocol {
			t.Errorf("%s: protocol %q to be selected", c.name, out.Identity.Protocol)
		}
	}
}

func TestParseSource(t *testing.T) {
	for _, s := range []string{"", "cookie", "cookie:", "cookie:a b", "query:", "header:a:b", "protocol:a,b", "body:a", "header:x\r\ny"} {
		if src, err := auth.ParseSource(s); err == nil || !strings.Contains(err.Error(), "credential source") {
			t.Errorf("%q: %v, %v", s, src, err)
		}
	}
	if src, err := auth.ParseSource("header:authorization"); err != nil || src != auth.Authorization {
		t.Errorf("%v, %v", src, err)
	}
	if src, err := auth.ParseSource("query:access[token]"); err != nil || src.Name != "access[token]" {
		t.Errorf("%v, %v", src, err)
	}
}
