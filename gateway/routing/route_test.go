package routing_test

import (
	"reflect"
	"strings"
	"testing"

	"weir/codec/http1"
	"weir/gateway/routing"
)

type fields map[string]string

func (f fields) Get(name string) []byte {
	for key, value := range f {
		if strings.EqualFold(key, name) {
			return []byte(value)
		}
	}
	return nil
}

// subject is a request for "host/path?query".
func subject(url string, f fields) *routing.Subject {
	host, rest, _ := strings.Cut(url, "/")
	path, query, _ := strings.Cut("/"+rest, "?")
	return &routing.Subject{Method: []byte("GET"), Host: []byte(host), Path: []byte(path), Query: []byte(query), Fields: f}
}

func TestConditions(t *testing.T) {
	tests := []struct {
		name  string
		match routing.Match
		yes   []string
		no    []string
	}{
		{"nothing asked", routing.Match{}, []string{"a/", "/", "[::1]:80/x?y"}, nil},
		{"host", routing.Match{Hosts: []string{"Chat.Example.com"}},
			[]string{"chat.example.com/", "CHAT.example.COM/", "chat.example.com:8080/", "chat.example.com./", "chat.example.com.:1/"},
			[]string{"example.com/", "x.chat.example.com/", "chat.example.com.evil/", "chat.example.co/", "/", "chat.example.com../"}},
		{"host with a final dot", routing.Match{Hosts: []string{"a.example."}}, []string{"a.example/", "a.example./"}, []string{"example/"}},
		{"wildcard", routing.Match{Hosts: []string{"*.example.com"}},
			[]string{"a.example.com/", "a.b.Example.com:1/"}, []string{"example.com/", "aexample.com/", ".example.com.evil/", "/"}},
		{"IPv4", routing.Match{Hosts: []string{"10.0.0.1"}}, []string{"10.0.0.1/", "10.0.0.1:80/"}, []string{"10.0.0.11/", "110.0.0.1/"}},
		{"IPv6", routing.Match{Hosts: []string{"[2001:DB8::1]", "::1"}},
			[]string{"[2001:db8:0::1]/", "[2001:db8::1]:80/", "[::1]/"}, []string{"[2001:db8::2]/", "[]/", "[/", "[::1/", "a/"}},
		{"one host of several", routing.Match{Hosts: []string{"a", "*.b"}}, []string{"a/", "x.b/"}, []string{"b/", "c/"}},
		{"path", routing.Match{Paths: []string{"/chat", "/a%2Cb"}},
			[]string{"a/chat", "a/chat?x=/y", "a/%63h%61t", "a/a%2cb"}, []string{"a/", "a/chat/", "a/Chat", "a/chatter", "a/a,b"}},
		{"prefix", routing.Match{Prefixes: []string{"/chat"}}, []string{"a/chat", "a/chat/", "a/chat/x", "a/%63hat/x"}, []string{"a/chatter", "a/cha", "a/x/chat"}},
		{"prefix with a slash", routing.Match{Prefixes: []string{"/chat/"}}, []string{"a/chat", "a/chat/", "a/chat/x"}, []string{"a/chatter", "a//chat"}},
		{"prefix of all", routing.Match{Prefixes: []string{"/"}}, []string{"a/", "a/x"}, nil},
		{"expression", routing.Match{Regexps: []string{"/a|/b/[0-9]+", "(?i)/c"}},
			[]string{"a/a", "a/b/12", "a/C", "a/%61"}, []string{"a/ax", "a/x/a", "a/b/", "a/b/1x", "a/A"}},
		{"path, prefix or expression", routing.Match{Paths: []string{"/a"}, Prefixes: []string{"/b"}, Regexps: []string{"/c+"}},
			[]string{"x/a", "x/b/1", "x/ccc"}, []string{"x/d", "x/"}},
		{"method", routing.Match{Methods: []string{"GET", "PURGE"}}, []string{"a/", "a/x?y"}, nil},
		{"another method", routing.Match{Methods: []string{"POST", "HEAD"}}, nil, []string{"a/"}},
		{"query", routing.Match{Queries: []string{"room=1", "debug"}},
			[]string{"a/?room=1&debug", "a/?debug=no&room=1&room=2"}, []string{"a/", "a/?room=1", "a/?debug", "a/?room=2&room=1&debug", "a/?room=11&debug", "a/?rooms=1&debug"}},
		{"empty value", routing.Match{Queries: []string{"room="}}, []string{"a/?room=", "a/?room"}, []string{"a/?room=1", "a/"}},
		{"all conditions", routing.Match{Hosts: []string{"a"}, Prefixes: []string{"/x"}, Queries: []string{"q"}},
			[]string{"a/x?q"}, []string{"b/x?q", "a/y?q", "a/x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table, err := routing.New([]routing.Match{test.match})
			if err != nil {
				t.Fatal(err)
			}
			for want, urls := range map[bool][]string{true: test.yes, false: test.no} {
				for _, url := range urls {
					if _, ok := table.Find(subject(url, nil)); ok != want {
						t.Errorf("%s: %v", url, table.Explain(subject(url, nil)))
					}
				}
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	table, err := routing.New([]routing.Match{{Headers: []string{"X-Team: blue", "upgrade"}}})
	if err != nil {
		t.Fatal(err)
	}
	for want, all := range map[bool][]fields{
		true: {{"x-team": "blue", "Upgrade": "websocket"}, {"X-Team": "blue", "Upgrade": ""}},
		false: {nil, {"X-Team": "blue"}, {"Upgrade": "x"}, {"X-Team": "Blue", "Upgrade": "x"}, {"X-Team": "blue ", "Upgrade": "x"},
			{"X-Team": "", "Upgrade": "x"}},
	} {
		for _, f := range all {
			if _, ok := table.Find(subject("a/", f)); ok != want {
				t.Errorf("%v: %v", f, ok)
			}
		}
	}
	if _, ok := table.Find(&routing.Subject{Host: []byte("a"), Path: []byte("/")}); ok {
		t.Error("no fields at all are taken for all there could be")
	}
}

func TestFirstMatchWins(t *testing.T) {
	table, err := routing.New([]routing.Match{{Hosts: []string{"a"}, Paths: []string{"/x"}}, {Hosts: []string{"a"}}, {Paths: []string{"/x"}}, {Hosts: []string{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]int{"a/x": 0, "a/y": 1, "b/x": 2} {
		if i, ok := table.Find(subject(url, nil)); i != want || !ok {
			t.Errorf("%s: %d, %v", url, i, ok)
		}
	}
	if _, ok := table.Find(subject("b/y", nil)); ok {
		t.Error("b/y is taken")
	}
}

func TestAny(t *testing.T) {
	if m := (routing.Match{}); !m.Any() {
		t.Error("an empty match asks for something")
	}
	one := []string{"x"}
	for _, m := range []routing.Match{{Hosts: one}, {Paths: one}, {Prefixes: one}, {Regexps: one}, {Methods: one}, {Headers: one}, {Queries: one}} {
		if m.Any() {
			t.Errorf("%v takes any", m)
		}
	}
}

func TestExplain(t *testing.T) {
	table, err := routing.New([]routing.Match{
		{Hosts: []string{"A.example.", "*.B.example", "::1"}},
		{Paths: []string{"/%61"}, Prefixes: []string{"/b/"}, Regexps: []string{"/c+"}},
		{Headers: []string{"X-Team: blue"}},
		{Headers: []string{"X-Other"}},
		{Methods: []string{"POST", "PUT"}},
		{Queries: []string{"room=1"}},
		{Queries: []string{"other"}},
		{Hosts: []string{"x"}},
		{},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := table.Explain(subject("X:80/d?room=2", fields{"x-team": "red"}))
	want := []string{
		"host X is not a.example or *.b.example or [::1]",
		"path /d is not /a or below /b/ or like /c+",
		`header X-Team is "red", not "blue"`,
		"header X-Other is missing",
		"method GET is not POST or PUT",
		`query parameter room is "2", not "1"`,
		"query parameter other is missing",
		"taken",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if got := table.Explain(subject("[2001:DB8::1]:80/d", nil))[0]; got != "host [2001:db8::1] is not a.example or *.b.example or [::1]" {
		t.Errorf("got %s", got)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		match routing.Match
		want  string
	}{
		{routing.Match{Hosts: []string{"*"}}, `host: "*" is any host; leave host away for that`},
		{routing.Match{Hosts: []string{"a.*.b"}}, `host: "a.*.b": a * stands for whole labels at the beginning, as in *.example.com`},
		{routing.Match{Hosts: []string{"*.*.b"}}, `host: "*.*.b": a * stands for whole labels at the beginning, as in *.example.com`},
		{routing.Match{Hosts: []string{"a:80"}}, `host: "a:80" is not a host; a route does not look at ports, and IPv6 addresses read [::1]`},
		{routing.Match{Hosts: []string{"é.example"}}, `host: "é.example" is not a host; write a name such as chat.example.com (in its xn-- form) or *.example.com`},
		{routing.Match{Hosts: []string{""}}, `host: "" is not a host; write a name such as chat.example.com (in its xn-- form) or *.example.com`},
		{routing.Match{Hosts: []string{"a..b"}}, `host: "a..b" is not a host; write a name such as chat.example.com (in its xn-- form) or *.example.com`},
		{routing.Match{Paths: []string{"a"}}, `path: "a" is not a path; it begins with /`},
		{routing.Match{Paths: []string{"/a?b"}}, `path: "/a?b" is more than a path; what follows ? is for query`},
		{routing.Match{Prefixes: []string{"/a b"}}, `path-prefix: "/a b" holds what no request's path can; escape it, as in %20 or %C3%A9`},
		{routing.Match{Prefixes: []string{"/a/../b"}}, `path-prefix: "/a/../b" can never match, as servers read it in different ways; leave out dot segments, ;, \, // and escapes of these, of / and of bytes that are no UTF-8`},
		{routing.Match{Methods: []string{"get"}}, `method: "get" is not a method; write GET, POST, OPTIONS and so on, in capitals`},
		{routing.Match{Methods: []string{"GET POST"}}, `method: "GET POST" is not a method; write GET, POST, OPTIONS and so on, in capitals`},
		{routing.Match{Regexps: []string{"a)(b"}}, "path-regexp: \"a)(b\" is not a regular expression: error parsing regexp: unexpected ): `a)(b`"},
		{routing.Match{Regexps: []string{""}}, `path-regexp: the expression is empty`},
		{routing.Match{Headers: []string{"X Team: a"}}, `header: "X Team: a" is not a header field; write "Name: value" or "Name"`},
		{routing.Match{Headers: []string{"X-Team: a\x00b"}}, `header: "X-Team: a\x00b" holds a control character, which no header field can`},
		{routing.Match{Headers: []string{"host: a"}}, `header: "host: a": what the Host field holds is for host`},
		{routing.Match{Queries: []string{"=a"}}, `query: "=a" is not a query parameter; write name=value or name, escaped as it is sent`},
		{routing.Match{Queries: []string{"a=b&c"}}, `query: "a=b&c" is not a query parameter; write name=value or name, escaped as it is sent`},
	}
	for _, test := range tests {
		_, err := routing.New([]routing.Match{{}, test.match})
		if want := "routes[1]: match: " + test.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := routing.New([]routing.Match{{Hosts: []string{"*", ""}}, {Paths: []string{"x"}, Queries: []string{""}}})
	if n := len(err.(interface{ Unwrap() []error }).Unwrap()); n != 4 {
		t.Errorf("want all four mistakes, got %v", err)
	}
}

// TestFindDoesNotAllocate: the parser's own request serves as Fields, and nothing is allocated on the way.
func TestFindDoesNotAllocate(t *testing.T) {
	table, err := routing.New([]routing.Match{
		{Hosts: []string{"other.example"}}, {Hosts: []string{"[2001:db8::1]"}}, {Paths: []string{"/x"}, Prefixes: []string{"/y"}, Regexps: []string{"/[a-z]+/[0-9]+"}},
		{Headers: []string{"X-Team: red"}}, {Queries: []string{"room=2"}}, {Hosts: []string{"*.example"}, Prefixes: []string{"/chat"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	head := "GET /chat/lobby?room=1 HTTP/1.1\r\nHost: Chat.Example:80\r\nX-Team: blue\r\n\r\n"
	v6 := strings.Replace(head, "Chat.Example", "[2001:db8::1]", 1)
	for text, want := range map[string]int{head: 5, v6: 1} {
		var r http1.Request
		if _, refusal := r.Parse([]byte(text), http1.Limits{Head: 4096, Fields: 10}); refusal != nil {
			t.Fatal(refusal)
		}
		if n := testing.AllocsPerRun(100, func() {
			s := routing.Subject{Host: r.Host, Path: r.Path, Query: r.Query, Fields: &r}
			if i, ok := table.Find(&s); i != want || !ok {
				t.Fatalf("route %d, %v", i, ok)
			}
		}); n != 0 {
			t.Errorf("%v allocations to find the route of %q", n, r.Host)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	matches := make([]routing.Match, 100)
	for i := range matches {
		matches[i] = routing.Match{Hosts: []string{"host-" + strings.Repeat("x", i) + ".example.com"}, Prefixes: []string{"/chat"}}
	}
	table, err := routing.New(append(matches, routing.Match{Prefixes: []string{"/chat"}}))
	if err != nil {
		b.Fatal(err)
	}
	s := subject("chat.example.com:443/chat/room/17?x=1", nil)
	b.ReportAllocs()
	for b.Loop() {
		table.Find(s)
	}
}
