package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const routesFile = `demo: true
tls-listen: ":443"
tls-cert: a.pem
tls-key: a.key
acme-domain: [acme.example]
acme-storage: /var/lib/weir
listen: off
admin: off
routes:
  - name: chat
    match:
      host: [chat.example.com, "*.chat.example.com"]
      path-prefix: /ws/
      header: "X-Team: blue"
    upstream: [ws://10.0.0.1:1, wss://10.0.0.2:2#weight=3]
    http-upstream: http://10.0.0.3
    path-rewrite: ^/ws/(.*)$ /$1
    api-keys: keys
  - name: inner
    match: {path: [/a, /b], path-regexp: "/v[0-9]+"}
    require-tls: redirect
  - match: {query: room}
    http: false
`

const checkedRoutes = `The configuration is good.
  listen    off
  with TLS  :443; certificates from files: 1, ACME for acme.example; TLS 1.2 to 1.3; client certificates: off, sites apart: 0
  admin     off
  loops     one per core
  routes    4, see below
  hash on   client-ip, loads not bounded
  health    TCP connect every 5s, up after 2 good, down after 3 bad
  limits    connections as open files allow, per address any; head 16KiB, 100 fields; message any, frame any; queued 128KiB
  timeouts  handshake 10s, connect 3s, backend 10s, idle 1h0m0s, ping never, drain 30s

Routes, of which the first that matches is taken:
  chat     host chat.example.com or *.chat.example.com; path below /ws/; header X-Team: blue
           ws://10.0.0.1:1, weight 1 (25.0%)
           wss://10.0.0.2:2, weight 3 (75.0%)
           plain HTTP: ws://10.0.0.3:80, weight 1 (100.0%)
           access: API key
  inner    path /a or /b or like /v[0-9]+
           an echo server inside
           access: everyone
  route-3  query room
           an echo server inside
           access: everyone
  default  every request
           an echo server inside
           access: everyone
`

func TestCheckTellsOfRoutes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(routesFile), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, stdout, stderr := weir(nil, "check", "--config", path)
	if exit != exitOK || stderr != "" {
		t.Fatalf("exit %d, %s", exit, stderr)
	}
	got, given, _ := strings.Cut(stdout, "\nGiven, and where:\n")
	if got != checkedRoutes {
		t.Errorf("got\n%s\nwant\n%s", got, checkedRoutes)
	}
	if want := path + ":17: routes[0]: path-rewrite "; !strings.Contains(given, want) {
		t.Errorf("%q is not in\n%s", want, given)
	}

	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"rewritten": {[]string{"-H", "x-team: blue", "wss://x.chat.example.com:8443/ws/a%20b?token=canary"}, `
wss://x.chat.example.com:8443/ws/a%20b
  chat  taken; the backend is asked for /a%20b
`},
		"headers missing": {[]string{"wss://chat.example.com/ws/"}, `
wss://chat.example.com/ws/
  chat     no: header X-Team is missing
  inner    no: path /ws/ is not /a or /b or like /v[0-9]+
  route-3  no: query parameter room is missing
  default  taken
`},
		"without TLS": {[]string{"ws://a/%61"}, `
ws://a/%61
  chat   no: host a is not chat.example.com or *.chat.example.com
  inner  taken; require-tls: redirect
`},
		"plain and not taken": {[]string{"https://a?room=1"}, `
https://a
  chat     no: host a is not chat.example.com or *.chat.example.com
  inner    no: path / is not /a or /b or like /v[0-9]+
  route-3  taken; refused, as http is false
`},
		"no host": {[]string{"wss://a..b/"}, `
wss://a..b/
  refused  the Host field is not a host with an optional port (RFC 9110 section 7.2)
`},
		"two, one ambiguous": {[]string{"wss://a/x/../a", "wss://a/a"}, `
wss://a/x/../a
  refused  a backend could read this path in another way than the routes do

wss://a/a
  chat   no: host a is not chat.example.com or *.chat.example.com
  inner  taken
`},
	} {
		exit, stdout, stderr := weir(nil, append([]string{"check", "--config", path}, test.args...)...)
		if exit != exitOK || stderr != "" || !strings.HasSuffix(stdout, "\n"+test.want) || strings.Contains(stdout, "canary") {
			t.Errorf("%s: exit %d, %s\ngot\n%s\nwant\n%s", name, exit, stderr, stdout, test.want)
		}
	}
}

func TestCheckTellsWhereNoRouteIsTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte("routes: [{match: {host: a}, upstream: ws://10.0.0.1}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stdout, _ := weir(nil, "check", "--config", path, "ws://b/")
	if want := "\nws://b/\n  route-1  no: host b is not a\n  refused  no route takes it\n"; !strings.HasSuffix(stdout, want) {
		t.Errorf("got\n%s\nwant\n%s", stdout, want)
	}
}
