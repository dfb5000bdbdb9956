package http1

import "testing"

func TestRefuse(t *testing.T) {
	why := &Refusal{Status: 401, Reason: "why", Text: "text", Header: "WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm=\"weir\"\r\n"}
	rule := func(texts ...string) (rules Rules) {
		for _, text := range texts {
			r, err := ParseRule(text)
			if err != nil {
				t.Fatal(err)
			}
			rules.Response = append(rules.Response, r)
		}
		return rules
	}
	page := []Field{{[]byte("Access-Control-Allow-Origin"), []byte("https://a.example")}, {[]byte("Vary"), []byte("Origin")}}
	const allow = "Access-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\n"
	for _, c := range []struct {
		rules Rules
		page  []Field
		want  string
	}{
		{rule(), nil, why.Header},
		{rule(), page, why.Header + allow},
		{rule("set Strict-Transport-Security: max-age=1", "add X-A: 1"), nil, why.Header + "Strict-Transport-Security: max-age=1\r\nX-A: 1\r\n"},
		{rule("remove www-authenticate"), page, allow},
		{rule("set WWW-Authenticate: Other"), nil, "WWW-Authenticate: Other\r\n"},
		{rule("set Cache-Control: max-age=9", "remove Content_Type", "add X-A: 1"), nil, why.Header + "X-A: 1\r\n"},
		{rule("set Access-Control-Allow-Origin: *"), page, why.Header + "Access-Control-Allow-Origin: *\r\n"},
		{rule("remove Access-Control-Allow-Origin"), page, why.Header + allow},
	} {
		got := c.rules.Refuse(why, c.page)
		if got.Header != c.want || got.Status != 401 || got.Reason != "why" || got.Text != "text" {
			t.Errorf("%v: got %q, want %q", c.rules.Response, got.Header, c.want)
		}
	}
	if got := new(Rules).Refuse(why, nil); got != why {
		t.Error("a refusal that stays as it is, is copied")
	}
	if why.Header != "WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm=\"weir\"\r\n" {
		t.Errorf("the refusal itself has changed: %q", why.Header)
	}
}
