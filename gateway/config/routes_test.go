package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/gateway/routing"
)

const routed = `listen: ":1"
upstream: ws://top
idle-timeout: 10m
routes:
  - name: chat
    match:
      host: [chat.example.com, "*.chat.example.com"]
      path-prefix: /ws/
      path: /socket,1
      path-regexp: "/v[0-9]{1,2}/.*"
      header: "X-Team: blue, green"
      query: [a=1, b]
    upstream: [ws://a:1, ws://b:2]
    idle-timeout: 5m
    path-rewrite: ^/ws(/.*)$ $1
    http-upstream: http://c
  - match: {host: big.example.com}
    max-message-size: 1MiB
    request-header:
      - "set X-Route: big"
`

func TestRoutes(t *testing.T) {
	c, err := load(t, routed, []string{"--idle-timeout=20m", "--ping-interval=7s"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Routes) != 3 {
		t.Fatalf("%d routes", len(c.Routes))
	}
	chat, big, rest := c.Routes[0], c.Routes[1], c.Routes[2]
	if want := (routing.Match{
		Hosts: []string{"chat.example.com", "*.chat.example.com"}, Prefixes: []string{"/ws/"}, Paths: []string{"/socket,1"},
		Regexps: []string{"/v[0-9]{1,2}/.*"}, Headers: []string{"X-Team: blue, green"}, Queries: []string{"a=1", "b"},
	}); !reflect.DeepEqual(chat.Match, want) {
		t.Errorf("match %+v", chat.Match)
	}
	for i, want := range []struct {
		name, upstream string
		idle           time.Duration
	}{{"chat", "ws://a:1,ws://b:2", 5 * time.Minute}, {"route-2", "ws://top", 20 * time.Minute}, {"default", "ws://top", 20 * time.Minute}} {
		r := c.Routes[i]
		if r.Name != want.name || strings.Join(r.Config.Upstream, ",") != want.upstream || r.Config.IdleTimeout != want.idle {
			t.Errorf("%d: %s, %v, %v", i, r.Name, r.Config.Upstream, r.Config.IdleTimeout)
		}
		if r.Config.PingInterval != 7*time.Second || r.Config.Listen[0] != ":1" || r.Config.Routes != nil {
			t.Errorf("%s lacks what stands at the top level", r.Name)
		}
	}
	if big.Config.MaxMessageSize != 1<<20 || big.Config.RequestHeader[0] != "set X-Route: big" || rest.Config.MaxMessageSize != 0 || c.MaxMessageSize != 0 {
		t.Errorf("limits %v, %v, %v", big.Config.MaxMessageSize, rest.Config.MaxMessageSize, c.MaxMessageSize)
	}
	if !rest.Match.Any() || big.Match.Any() {
		t.Error("the wrong route takes all")
	}
	if plain, err := chat.Config.HTTPBackends(); err != nil || len(plain) != 1 || plain[0].Host != "c" {
		t.Errorf("plain requests of chat go to %v, %v", plain, err)
	}
	if plain, err := big.Config.HTTPBackends(); err != nil || plain != nil {
		t.Errorf("plain requests of big have backends of their own: %v, %v", plain, err)
	}
}

// TestThereIsAlwaysARoute: what makes the last route, and that none is made for nothing.
func TestThereIsAlwaysARoute(t *testing.T) {
	tests := []struct {
		name, file string
		args       []string
		want       string
	}{
		{"flags alone", "", []string{"--upstream=ws://a"}, "default=[ws://a]"},
		{"demo", "", []string{"--demo"}, "default=demo"},
		{"no backends at the top level", "routes: [{name: r, match: {host: a}, upstream: ws://b}]", nil, "r=[ws://b]"},
		{"backends at the top level", "routes: [{name: r, match: {host: a}, upstream: ws://b}]", []string{"--upstream=ws://a"}, "r=[ws://b] default=[ws://a]"},
		{"demo and a route", "routes: [{name: r, match: {host: a}, upstream: ws://b}, {match: {host: c}}]", []string{"--demo"}, "r=[ws://b] route-2=demo default=demo"},
		{"the last takes all", "routes: [{name: r, upstream: ws://b}]", []string{"--upstream=ws://a"}, "r=[ws://b]"},
		{"an empty list", "routes: []", []string{"--upstream=ws://a"}, "default=[ws://a]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(t, test.file, test.args, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(c); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// told is each route with its backends.
func told(c *config.Config) string {
	var all []string
	for _, r := range c.Routes {
		backends := "[" + strings.Join(r.Config.Upstream, " ") + "]"
		if r.Config.Demo {
			backends = "demo"
		}
		all = append(all, r.Name+"="+backends)
	}
	return strings.Join(all, " ")
}

func TestWith(t *testing.T) {
	c, err := load(t, "routes: [{name: r, match: {host: a}, upstream: ws://b}, {name: s, match: {host: c}, idle-timeout: 1m}]", []string{"--demo"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := c.With(func(c *config.Config) {
		c.Demo, c.Upstream, c.EndpointHeader, c.IdleTimeout = false, []string{"ws://echo"}, "X-E", 2*time.Minute
	})
	if got := told(changed); got != "r=[ws://b] s=[ws://echo] default=[ws://echo]" {
		t.Errorf("got %s", got)
	}
	if got := told(c); got != "r=[ws://b] s=demo default=demo" || c.EndpointHeader != "" {
		t.Errorf("the first has changed: %s", got)
	}
	for i, want := range []time.Duration{2 * time.Minute, time.Minute, 2 * time.Minute} {
		if r := changed.Routes[i]; r.Config.EndpointHeader != "X-E" || r.Config.IdleTimeout != want {
			t.Errorf("%s: %q, %v", r.Name, r.Config.EndpointHeader, r.Config.IdleTimeout)
		}
	}
	made := config.Default().With(func(c *config.Config) { c.Upstream = []string{"ws://a"} })
	if got := told(made); got != "default=[ws://a]" || made.Validate() != nil {
		t.Errorf("made by hand: %s, %v", got, made.Validate())
	}
}

func TestSites(t *testing.T) {
	c, err := load(t, `sites:
  - server-name: [admin.example.com, "*.int.example.com"]
    client-auth: require
    client-ca: ca.pem
  - {server-name: open.example.com, client-auth: off}
`, []string{"--demo", "--tls-listen=:443", "--tls-cert=a", "--tls-key=b", "--tls-client-auth=ask", "--tls-client-ca=all.pem"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sites) != 2 || !reflect.DeepEqual(c.Sites[0].Names, []string{"admin.example.com", "*.int.example.com"}) ||
		c.Sites[0].ClientAuth != config.ClientAuthRequire || c.Sites[0].ClientCA != "ca.pem" || c.Sites[1].ClientAuth != config.ClientAuthOff {
		t.Errorf("got %+v", c.Sites)
	}
}

func TestMistakesInSections(t *testing.T) {
	const secure = "--demo --tls-listen=:443 --tls-cert=a --tls-key=b"
	tests := []struct {
		name, file, flags string
		want              []string // all lines, less "weir.yaml:"
	}{
		{"not a list", "routes: {a: b}\nsites: x\n", "--demo", []string{
			"1: routes: takes a list; begin each of its elements with '- '", "2: sites: takes a list; begin each of its elements with '- '"}},
		{"not sections", "routes:\n  - a\n  - [b]\nsites:\n  - ~\n", "--demo", []string{
			`2: routes[0]: not a list of "key: value" lines`, `3: routes[1]: not a list of "key: value" lines`, `5: sites[0]: not a list of "key: value" lines`}},
		{"misspelt", "route: []\nroutes:\n  - nam: a\n    idle-timout: 1\n    zzzzzzzz: 1\n    match: {hots: a}\nsites:\n  - client-aut: off\n", "--demo", []string{
			"1: route: no such knob; did you mean routes?", "3: routes[0]: nam: no such knob; did you mean name?",
			"4: routes[0]: idle-timout: no such knob; did you mean idle-timeout?", "5: routes[0]: zzzzzzzz: no such knob",
			"6: routes[0]: match: hots: no such condition; did you mean host?", "8: sites[0]: client-aut: no such key; did you mean client-auth?"}},
		{"twice", "routes:\n  - idle-timeout: 1s\n    idle-timeout: 2s\n    match:\n      host: a\n      host: b\nroutes: []\n", "--demo", []string{
			"3: routes[0]: idle-timeout: given twice, first on line 2", "6: routes[0]: match: host: given twice, first on line 5",
			"7: routes: given twice, first on line 1"}},
		{"values", "routes:\n  - idle-timeout: 1\n    name: [a]\n    match: /x\n    upstream:\n  - match: {path: {a: b}}\nsites:\n  - client-auth: maybe\n", "--demo", []string{
			`2: routes[0]: idle-timeout: "1" is not a duration; write a number and its unit, such as 500ms, 30s or 1h`,
			"3: routes[0]: name: takes one value, not a list",
			"4: routes[0]: match: takes keys below it: host, path, path-prefix, path-regexp, method, header or query",
			"5: routes[0]: upstream: no value; give one or take the line away",
			"6: routes[1]: match: path: takes a value, not keys below it; YAML takes ': ' for the end of a key, so put quotes around a value that holds it",
			`8: sites[0]: client-auth: "maybe" is not off, ask or require`}},
		{"not per route", "routes: [{loops: 1}, {sticky-key: x}, {config: x}]\n", "--demo", []string{
			"1: routes[0]: loops: is for the whole gateway; it stands at the top level",
			"1: routes[1]: sticky-key: is for the whole gateway; it stands at the top level",
			"1: routes[2]: config: is for the whole gateway; it stands at the top level"}},
		{"range", "routes:\n  - match: {host: a}\n    idle-timeout: 1ns\n", "--demo", []string{
			"3: routes[0]: idle-timeout: 1ns is out of range; write 100ms to 1000h, or 0"}},
		{"told once where it is inherited", "idle-timeout: 1ns\nroutes: [{match: {host: a}}, {match: {host: b}}]\n", "--demo", []string{
			"1: idle-timeout: 1ns is out of range; write 100ms to 1000h, or 0"}},
		{"a clash with the top level", "max-frame-size: 2KiB\nroutes:\n  - match: {host: a}\n    max-message-size: 1KiB\n", "--demo", []string{
			"3: routes[0]: max-frame-size: 2KiB is more than max-message-size (1KiB)"}},
		{"no backend", "routes:\n  - match: {host: a}\n", "", []string{"2: routes[0]: upstream: no backend given; name one here or at the top level"}},
		{"names", "routes:\n  - {name: a b, match: {host: a}}\n  - {name: c, match: {host: b}}\n  - {name: c, match: {host: c}}\n  - {name: default, match: {host: d}}\n", "--demo", []string{
			`2: routes[0]: name: "a b" is not a name; write up to 64 letters, digits, '.', '_' and '-'`,
			"4: routes[2]: name: c is the name of another route", "5: routes[3]: name: default is the name of another route"}},
		{"never taken", "routes:\n  - name: all\n  - match: {host: a}\n", "--demo", []string{"3: routes[1]: name: route-2 is never taken: all before it takes every request"}},
		{"asked for before", "routes:\n  - match: {host: a, path: /b}\n  - match: {host: a, path: /c}\n  - match: {path: /b, host: a}\n", "--demo",
			[]string{"4: routes[2]: name: route-3 is never taken: route-1 before it has the same match"}},
		{"matches", "routes:\n  - match: {host: a, path: x}\n  - match:\n      path-regexp: '('\n", "--demo", []string{
			`2: routes[0]: match: path: "x" is not a path; it begins with /`,
			"4: routes[1]: match: path-regexp: \"(\" is not a regular expression: error parsing regexp: missing closing ): `(`"}},
		{"sites", "sites:\n  - server-name: [a, '*.*.b', 10.0.0.1]\n    client-auth: ask\n  - server-name: A\n  - {client-auth: off}\n", secure, []string{
			`2: sites[0]: server-name: "*.*.b" is not a host name or one with *. before it`,
			`2: sites[0]: server-name: "10.0.0.1" is not a host name or one with *. before it`,
			"3: sites[0]: client-auth: certificates cannot be checked; name the authorities in client-ca or tls-client-ca",
			"4: sites[1]: server-name: A is given twice; a name belongs to one site", "4: sites[1]: client-auth: is missing; write off, ask or require",
			"5: sites[2]: server-name: no name given; write one such as admin.example.com or *.example.com"}},
		{"sites without TLS", "sites: [{server-name: a, client-auth: off}]\n", "--demo", []string{
			"1: sites[0]: server-name: nothing listens with TLS; write tls-listen, such as :443"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t, test.file, strings.Fields(test.flags), nil)
			if err == nil {
				t.Fatal("accepted")
			}
			want := "weir.yaml:" + strings.Join(test.want, "\nweir.yaml:")
			if err.Error() != want {
				t.Errorf("got\n%s\nwant\n%s", err, want)
			}
		})
	}
}

func TestGivenTellsOfSections(t *testing.T) {
	c, err := load(t, "demo: true\nroutes:\n  - match: {host: [a, b]}\n    idle-timeout: 1m\nsites:\n  - server-name: a\n    client-auth: off\n",
		[]string{"--tls-listen=:443", "--tls-cert=a", "--tls-key=b"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Setting{
		{Place: "weir.yaml:3: routes[0]: match: host", Value: "a,b"}, {Place: "weir.yaml:4: routes[0]: idle-timeout", Value: "1m"},
		{Place: "weir.yaml:6: sites[0]: server-name", Value: "a"}, {Place: "weir.yaml:7: sites[0]: client-auth", Value: "off"},
	}
	got := c.Given()
	if len(got) < 4 || !reflect.DeepEqual(got[len(got)-4:], want) {
		t.Errorf("got %v", got)
	}
}
