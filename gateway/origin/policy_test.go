package origin_test

import (
	"net/url"
	"strings"
	"testing"

	"weir/gateway/origin"
)

func policy(t testing.TB, allowed string) *origin.Policy {
	p, err := origin.New(strings.Fields(allowed), false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicy(t *testing.T) {
	for _, c := range []struct{ allowed, yes, no string }{
		{"https://app.example.com",
			"https://app.example.com https://app.example.com:443 HTTPS://App.Example.COM wss://app.example.com WSS://app.example.com:443",
			"http://app.example.com https://app.example.com:80 https://app.example.com:8443 https://app.example.com.evil https://evil-app.example.com " +
				"https://x.app.example.com https://example.com https://app.example.com. https://app.example.com:443.evil https://app.example.com:0443 " +
				"https://app.example.com: https://app.example.com:+443 https://app.example.com:65979 https://app.example.com:4430 " +
				"https://app.example.com/ https://app.example.com/x https://app.example.com?x https://app.example.com#x " +
				"https://user@app.example.com https://app.example.com@evil https://evil#@app.example.com https://evil\\.app.example.com " +
				"app.example.com //app.example.com https:app.example.com https:/app.example.com https://https://app.example.com " +
				"null NULL * same-origin https:// :// https://app.example.com,https://evil ws://app.example.com wss://app.example.com:80 wsss://app.example.com"},
		{"https://*.example.com",
			"https://a.example.com https://a.b.example.com:443 https://A.EXAMPLE.com",
			"https://example.com https://.example.com https://aexample.com https://a.example.com.evil https://a.example.com:444 http://a.example.com " +
				"https://*.example.com https://a..example.com https://evil/.example.com https://evil?.example.com https://evil:1.example.com https://evil@a.example.com"},
		{"https://*.example.com https://example.com:8443", "https://example.com:8443 https://a.example.com", "https://example.com https://a.example.com:8443"},
		{"http://localhost:*", "http://localhost http://localhost:1 http://localhost:65535", "https://localhost http://localhost:0 http://localhost:65536 http://localhost: http://localhost.evil http://a.localhost:1"},
		{"http://*.test:*", "http://a.test:81", "http://test:81 https://a.test"},
		{"HTTP://LocalHost:3000", "http://localhost:3000", "http://localhost http://localhost:300 http://localhost:30000"},
		{"http://127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:81 http://127.0.0.11"},
		{"http://[0:0::1]:3000", "http://[::1]:3000", "http://[::1] http://[::2]:3000 http://::1:3000 http://[::1:3000 http://[::1]3000 http://[::1]:3000] http://[]:3000"},
		{"https://[2001:DB8::a]", "https://[2001:db8::a] https://[2001:DB8::A]", "https://[2001:db8::a]evil https://2001:db8::a"},
		{"wss://app.example.com ws://*.example.org:8080", "https://app.example.com wss://app.example.com http://a.example.org:8080", "http://app.example.com ws://app.example.com ws://a.example.org"},
		{"chrome-extension://abcdef", "chrome-extension://abcdef", "chrome-extension://abcdefg chrome-extension://abcdef:80 https://abcdef"},
		{"null", "null", "Null null.example.com https://null"},
		{"*", "https://anything null file:// rubbish", ""},
		{"", "", "https://app.example.com null"},
		{"same-origin", "http://gate:8080 HTTP://GATE:8080 ws://gate:8080", "https://gate:8080 wss://gate:8080 http://gate http://gate:80 http://gate:8080.evil http://xgate:8080 null"},
		{"same-origin https://a", "http://gate:8080 https://a", "https://gate:8080 http://a"},
	} {
		p := policy(t, c.allowed)
		check := func(origins string, want bool) {
			for _, o := range strings.Fields(origins) {
				if p.Allows([]byte(o), 1, []byte("gate:8080"), false) != want {
					t.Errorf("%q allows %s: %v", c.allowed, o, !want)
				}
				if p.Allows([]byte(o), 2, []byte("gate:8080"), false) {
					t.Errorf("%q allows %s and another Origin", c.allowed, o)
				}
			}
		}
		check(c.yes, true)
		check(c.no, false)
		if got := p.Allows(nil, 1, []byte("gate:8080"), false); got != (c.allowed == "*") {
			t.Errorf("%q allows an empty Origin: %v", c.allowed, got)
		}
		for _, o := range []string{"https://app.example.com https://evil", "https://app.example.com\x00", "https://app.example.com\t", " https://app.example.com", "https://app.exampl\u0065\u0301.com"} {
			if p.Allows([]byte(o), 1, nil, true) && c.allowed != "*" {
				t.Errorf("%q allows %q", c.allowed, o)
			}
		}
	}
}

func TestSameOrigin(t *testing.T) {
	p := policy(t, "same-origin")
	for _, c := range []struct {
		origin, host string
		tls, want    bool
	}{
		{"https://a.example", "a.example", true, true},
		{"https://a.example", "A.example:443", true, true},
		{"https://a.example:443", "a.example", true, true},
		{"https://a.example:8443", "a.example:8443", true, true},
		{"https://a.example", "a.example", false, false},
		{"http://a.example", "a.example", true, false},
		{"http://a.example", "a.example:80", false, true},
		{"http://a.example", "a.example:443", false, false},
		{"https://a.example:80", "a.example:80", false, false},
		{"http://[::1]:8080", "[::1]:8080", false, true},
		{"http://[::1]", "[::1]", false, true},
		{"http://[::1]", "[::1]:81", false, false},
		{"http://a", "a:", false, false},
		{"http://a", "", false, false},
		{"http://", "", false, false},
		{"http://a", "a:80:80", false, false},
		{"http://a", "[a]", false, false},
		{"http://a", "user@a", false, false},
		{"chrome-extension://a", "a", false, false},
	} {
		if got := p.Allows([]byte(c.origin), 1, []byte(c.host), c.tls); got != c.want {
			t.Errorf("%s at %q, tls %v: %v", c.origin, c.host, c.tls, got)
		}
	}
}

func TestNoOrigin(t *testing.T) {
	for _, required := range []bool{false, true} {
		for _, allowed := range []string{"*", "same-origin", "null", "https://a"} {
			p, err := origin.New([]string{allowed}, required)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Allows(nil, 0, []byte("a"), true); got == required {
				t.Errorf("%s, required %v: %v", allowed, required, got)
			}
		}
	}
}

func TestNewErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "is not an origin",
		"app.example.com":          "is not an origin",
		"*.example.com":            "is not an origin",
		"Null":                     "is not an origin",
		"https://":                 "is not an origin",
		"https://a b":              "is not an origin",
		"https://a:":               "is not an origin",
		"https://a:0":              "is not an origin",
		"https://a:65536":          "is not an origin",
		"https://a:80:*":           "is not an origin",
		"https://a:*:*":            "a * stands for",
		"https://bücher.example":   "xn-- form",
		"https://a.":               "is not an origin",
		"https://user@a":           "is not an origin",
		"https://a/":               "without a path",
		"https://*.a/chat":         "without a path",
		"https://a?b":              "without a path",
		"https://a.*":              "a * stands for",
		"https://a*.example.com":   "a * stands for",
		"https://*.*.example.com":  "a * stands for",
		"https://*":                "a * stands for",
		"https://*:8443":           "a * stands for",
		"https://*.[::1]":          "no names below an address",
		"https://[10.0.0.1]":       "not an IPv6 address",
		"https://[::1::]":          "not an IPv6 address",
		"https://[fe80::1%25eth0]": "is not an origin",
		"h ttps://a":               "is not an origin",
	} {
		p, err := origin.New([]string{"https://good", text}, false)
		if err == nil || p != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+text+`"`) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := origin.New([]string{"one", "null", "two"}, false); err == nil || !strings.Contains(err.Error(), "one") || !strings.Contains(err.Error(), "two") {
		t.Errorf("not all mistakes are told: %v", err)
	}
}

func TestAllowsAllocatesNothing(t *testing.T) {
	p := policy(t, "same-origin null https://*.example.com https://app.example.org http://localhost:*")
	for _, o := range []string{"https://evil.example", "https://a.example.com", "http://gate", "null", "https://[::1]:80", "://"} {
		o, host := []byte(o), []byte("gate")
		if n := testing.AllocsPerRun(100, func() { p.Allows(o, 1, host, false) }); n != 0 {
			t.Errorf("%s: %v allocations", o, n)
		}
	}
}

func BenchmarkAllows(b *testing.B) {
	p := policy(b, "same-origin https://*.example.com https://app.example.org")
	o, host := []byte("https://app.example.org"), []byte("gate.example.net")
	for b.Loop() {
		if !p.Allows(o, 1, host, true) {
			b.Fatal()
		}
	}
}

// FuzzAllows takes the net/url package's word on what an origin's host is.
func FuzzAllows(f *testing.F) {
	for _, s := range []string{"https://a.example.com", "https://a.example.com.evil", "https://evil#.example.com", "https://[::1]:443", "https://app.example.org:443", "null", "https://a\x00.example.com"} {
		f.Add(s, "gate:80")
	}
	p := policy(f, "https://*.example.com https://app.example.org")
	same := policy(f, "same-origin")
	f.Fuzz(func(t *testing.T, o, host string) {
		if p.Allows([]byte(o), 1, []byte(host), true) {
			u, err := url.Parse(strings.ToLower(o))
			if err != nil {
				t.Fatalf("%q allowed: %v", o, err)
			}
			name := u.Hostname()
			ours := (u.Scheme == "https" || u.Scheme == "wss") && (u.Port() == "" || u.Port() == "443") && (strings.HasSuffix(name, ".example.com") || name == "app.example.org")
			if !ours || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
				t.Fatalf("%q allowed: %#v", o, u)
			}
		}
		if same.Allows([]byte(o), 1, []byte(host), true) {
			u, err := url.Parse(o)
			if err != nil || u.Scheme != "https" && u.Scheme != "wss" || !strings.EqualFold(strings.TrimSuffix(u.Host, ":443"), strings.TrimSuffix(host, ":443")) {
				t.Fatalf("%q is said to be the origin of %q: %v", o, host, err)
			}
		}
	})
}
