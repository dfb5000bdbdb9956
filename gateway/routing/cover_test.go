package routing_test

import (
	"slices"
	"testing"

	"weir/gateway/routing"
)

func TestCovered(t *testing.T) {
	host := func(names ...string) routing.Match { return routing.Match{Hosts: names} }
	for _, test := range []struct {
		name          string
		before, after routing.Match
		want          bool
	}{
		{"all", routing.Match{}, host("a"), true},
		{"all behind some", host("a"), routing.Match{}, false},
		{"host", host("a", "b"), host("b"), true},
		{"host's case", host("A.b."), host("a.B"), true},
		{"another host", host("a"), host("a", "b"), false},
		{"a host below", host("*.b"), host("a.b", "c.a.b"), true},
		{"all hosts below", host("*.b"), host("*.a.b"), true},
		{"the host itself", host("*.b"), host("b"), false},
		{"a host above", host("*.a.b"), host("*.b"), false},
		{"a host that ends like it", host("*.b"), host("ab"), false},
		{"an address", host("*.b", "[::1]"), host("[0::1]"), true},
		{"an address and a name", host("*.b"), host("[::1]"), false},
		{"path", routing.Match{Prefixes: []string{"/a"}}, routing.Match{Paths: []string{"/a", "/a/b"}}, true},
		{"a path beside", routing.Match{Prefixes: []string{"/a"}}, routing.Match{Paths: []string{"/ab"}}, false},
		{"prefix", routing.Match{Prefixes: []string{"/a/"}}, routing.Match{Prefixes: []string{"/a", "/a/b"}}, true},
		{"all paths", routing.Match{Prefixes: []string{"/"}}, routing.Match{Prefixes: []string{"/a"}, Paths: []string{"/"}}, true},
		{"a prefix behind a path", routing.Match{Paths: []string{"/a"}}, routing.Match{Prefixes: []string{"/a"}}, false},
		{"an expression's path", routing.Match{Regexps: []string{"/v[0-9]"}}, routing.Match{Paths: []string{"/v1", "/%76" + "2"}}, true},
		{"not an expression's", routing.Match{Regexps: []string{"/v[0-9]"}}, routing.Match{Paths: []string{"/v1", "/vx"}}, false},
		{"an expression and a prefix", routing.Match{Regexps: []string{"/v.*"}}, routing.Match{Prefixes: []string{"/v"}}, false},
		{"expression", routing.Match{Regexps: []string{"/x", "/v."}}, routing.Match{Regexps: []string{"/v."}}, true},
		{"hosts with a path", host("a"), routing.Match{Hosts: []string{"a"}, Paths: []string{"/b"}}, true},
		{"a path without the host", routing.Match{Hosts: []string{"a"}, Paths: []string{"/b"}}, host("a"), false},
		{"methods", routing.Match{Methods: []string{"GET", "POST"}}, routing.Match{Methods: []string{"POST"}}, true},
		{"all methods", routing.Match{Methods: []string{"GET"}}, routing.Match{}, false},
		{"any value", routing.Match{Headers: []string{"X-A"}}, routing.Match{Headers: []string{"x-a: 1", "X-B"}}, true},
		{"one value", routing.Match{Headers: []string{"X-A: 1"}}, routing.Match{Headers: []string{"X-A"}}, false},
		{"fewer fields", routing.Match{Headers: []string{"X-A", "X-B"}}, routing.Match{Headers: []string{"X-A"}}, false},
		{"parameter", routing.Match{Queries: []string{"a"}}, routing.Match{Queries: []string{"a=1"}}, true},
		{"a parameter's case", routing.Match{Queries: []string{"a"}}, routing.Match{Queries: []string{"A=1"}}, false},
	} {
		table, err := routing.New([]routing.Match{host("unlike.any"), test.before, test.after})
		if err != nil {
			t.Fatal(test.name, err)
		}
		want := []int{-1, -1, -1}
		if test.want {
			want[2] = 1
		}
		if got := table.Covered(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", test.name, got, want)
		}
	}
}
