package route_test

import (
	"slices"
	"testing"

	"weir/gateway/route"
)

func TestCovered(t *testing.T) {
	host := func(names ...string) route.Match { return route.Match{Hosts: names} }
	for _, test := range []struct {
		name          string
		before, after route.Match
		want          bool
	}{
		{"all", route.Match{}, host("a"), true},
		{"all behind some", host("a"), route.Match{}, false},
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
		{"path", route.Match{Prefixes: []string{"/a"}}, route.Match{Paths: []string{"/a", "/a/b"}}, true},
		{"a path beside", route.Match{Prefixes: []string{"/a"}}, route.Match{Paths: []string{"/ab"}}, false},
		{"prefix", route.Match{Prefixes: []string{"/a/"}}, route.Match{Prefixes: []string{"/a", "/a/b"}}, true},
		{"all paths", route.Match{Prefixes: []string{"/"}}, route.Match{Prefixes: []string{"/a"}, Paths: []string{"/"}}, true},
		{"a prefix behind a path", route.Match{Paths: []string{"/a"}}, route.Match{Prefixes: []string{"/a"}}, false},
		{"an expression's path", route.Match{Regexps: []string{"/v[0-9]"}}, route.Match{Paths: []string{"/v1", "/%76" + "2"}}, true},
		{"not an expression's", route.Match{Regexps: []string{"/v[0-9]"}}, route.Match{Paths: []string{"/v1", "/vx"}}, false},
		{"an expression and a prefix", route.Match{Regexps: []string{"/v.*"}}, route.Match{Prefixes: []string{"/v"}}, false},
		{"expression", route.Match{Regexps: []string{"/x", "/v."}}, route.Match{Regexps: []string{"/v."}}, true},
		{"hosts with a path", host("a"), route.Match{Hosts: []string{"a"}, Paths: []string{"/b"}}, true},
		{"a path without the host", route.Match{Hosts: []string{"a"}, Paths: []string{"/b"}}, host("a"), false},
		{"methods", route.Match{Methods: []string{"GET", "POST"}}, route.Match{Methods: []string{"POST"}}, true},
		{"all methods", route.Match{Methods: []string{"GET"}}, route.Match{}, false},
		{"any value", route.Match{Headers: []string{"X-A"}}, route.Match{Headers: []string{"x-a: 1", "X-B"}}, true},
		{"one value", route.Match{Headers: []string{"X-A: 1"}}, route.Match{Headers: []string{"X-A"}}, false},
		{"fewer fields", route.Match{Headers: []string{"X-A", "X-B"}}, route.Match{Headers: []string{"X-A"}}, false},
		{"parameter", route.Match{Queries: []string{"a"}}, route.Match{Queries: []string{"a=1"}}, true},
		{"a parameter's case", route.Match{Queries: []string{"a"}}, route.Match{Queries: []string{"A=1"}}, false},
	} {
		table, err := route.New([]route.Match{host("unlike.any"), test.before, test.after})
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
