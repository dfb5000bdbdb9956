package routing_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"weir/gateway/routing"
)

func TestNormal(t *testing.T) {
	for text, want := range map[string]string{
		"":              "",
		"/a/b":          "/a/b",
		"/%61%7E%2d%5F": "/a~-_",
		"/%2f%3A%c3%a9": "/%2F%3A%C3%A9",
		"/%2561":        "/%2561",
		"/%":            "/%",
		"/%6":           "/%6",
		"/%zz%61":       "/%zz%61",
		"/%0%31":        "/%0%31",
	} {
		if got := string(routing.Normal([]byte(text))); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestAmbiguous(t *testing.T) {
	for _, text := range []string{
		"/.", "/..", "/./", "/../a", "/a/.", "/a/..", "/a/../b", "/a/./b", "/%2e", "/%2E%2e/a", "/.%2e/", "/a/%2e./b", "/..;/a", "/.;x/a", "/a/..;x",
		"/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", `/a\b`, `/..\a`, "/a%00", "/%", "/a%2", "/a%zz", "/a%u002e",
		"//", "/a//b", "/a/%2e/", "/a;b", "/a%3Bb", "/;", "/a;", "/;..", "/a;.", "/a%c0%afb", "/%c1%9c", "/%C0%AE%C0%AE/", "/%c1x", "/%e0%80%af", "/%e0%9fa%af", "/%f0%80%80%af", "/%f8%80%80%80%af", "/%fc%80%80%80%80%af",
	} {
		if !routing.Ambiguous([]byte(text)) {
			t.Errorf("%s is taken for plain", text)
		}
	}
	for _, text := range []string{
		"", "/", "/a", "/a/", "/.well-known/x", "/..a", "/a..", "/...", "/a.b/c..d", "/%2ea", "/%20%c3%a9", "/%252e%252e", "/~a", "/a,b=c", "/%e0%a4%85", "/%f0%9f%98%80", "/%e9t%e9", "/%fcber", "/%e0",
	} {
		if routing.Ambiguous([]byte(text)) {
			t.Errorf("%s is taken for ambiguous", text)
		}
	}
}

// FuzzPath: a path that is not ambiguous is the same to readers that unescape
// and clean paths, and its normal form changes nothing of what it means.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/b", "/%61%2f", "/..;/a", "/%2e%2e", "/%", "/a//b/", "/%c3%A9", "/%00", `/\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = "/" + text
		normal := string(routing.Normal([]byte(text)))
		if again := string(routing.Normal([]byte(normal))); again != normal {
			t.Errorf("%q becomes %q and then %q", text, normal, again)
		}
		if routing.Ambiguous([]byte(text)) != routing.Ambiguous([]byte(normal)) {
			t.Errorf("%q and %q differ in being ambiguous", text, normal)
		}
		if routing.Ambiguous([]byte(text)) {
			return
		}
		plain, err := url.PathUnescape(text)
		if same, err2 := url.PathUnescape(normal); err != nil || err2 != nil || same != plain {
			t.Fatalf("%q reads %q, %v; its normal form %q reads %q, %v", text, plain, err, normal, same, err2)
		}
		if strings.ContainsAny(plain, "\x00\\;") {
			t.Errorf("%q is not ambiguous, but holds what servers do not agree on", text)
		}
		if clean := path.Clean(plain); clean != plain && clean+"/" != plain {
			t.Errorf("%q is not ambiguous, but cleaned it is %q", text, clean)
		}
	})
}

// FuzzFind: whatever is written and asked for, nothing panics, and Find and
// Explain agree.
func FuzzFind(f *testing.F) {
	f.Add("a.example", "/a", "/b/", "/c+", "X: y", "q=1", "a.example:80", "/a", "q=1&r")
	f.Add("*.b", "/%61", "/", "(?i)x", "X", "q", "x.b.", "/b/%2e", "q")
	f.Add("[::1]", "/x", "/", ".*", "", "=", "[::1]:8", "", "&&=")
	f.Fuzz(func(t *testing.T, host, exact, prefix, expression, header, query, askedHost, askedPath, askedQuery string) {
		table, _ := routing.New([]routing.Match{
			{Hosts: []string{host}, Queries: []string{query}}, {Paths: []string{exact}}, {Prefixes: []string{prefix}}, {Regexps: []string{expression}},
			{Headers: []string{header}}, {Hosts: []string{host}, Paths: []string{exact}, Prefixes: []string{prefix}},
		})
		s := &routing.Subject{Host: []byte(askedHost), Path: []byte(askedPath), Query: []byte(askedQuery), Fields: fields{"X": "y"}}
		i, ok := table.Find(s)
		lines := table.Explain(s)
		if ok != (len(lines) > 0 && lines[len(lines)-1] == "taken") || ok && i != len(lines)-1 {
			t.Errorf("found %d, %v; explained %q", i, ok, lines)
		}
	})
}
