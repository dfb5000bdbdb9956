package interop

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/internal/freeport"
)

// routesFile has a route for each kind of condition. Backends are told by the letters in braces.
const routesFile = `
routes:
  - name: plain-apart
    match: {host: apart.example}
    upstream: ws://{a}
    http-upstream: http://{b}
    request-header: ["set X-Team: apart", "remove X-Debug"]
  - name: admin
    match: {host: "*.example", header: "X-Admin: yes"}
    upstream: ws://{b}
    upstream-host: inner.example
  - name: wildcard
    match: {host: "*.chat.example"}
    upstream: ws://{c}
    max-message-size: 200KiB
  - name: prefix
    match: {path-prefix: /api/}
    upstream: ws://{a}
    path-rewrite: '^/api/(.*)$ /v1/$1'
  - name: regexp
    match: {path-regexp: "/rooms/[0-9]+/[a-z]*"}
    upstream: ws://{b}
    forwarded: false
  - name: query
    match: {path: /pick, query: tier=gold}
    upstream: ws://{c}
  - name: exact
    match: {path: [/pick, /choose]}
    upstream: ws://{a}
    http: false
  - name: address
    match: {host: "[::1]"}
    upstream: ws://{b}
  - name: secured
    match: {path-prefix: /secured}
    upstream: ws://{a}
    require-tls: refuse
  - name: elsewhere
    match: {path-prefix: /secure}
    upstream: ws://{a}
    require-tls: redirect
  - name: rewrites-some
    match: {host: rewrites.example}
    upstream: ws://{c}
    path-rewrite: '^(/)old(.*)$ ${1}new$2'
`

// asked is a request with the route it is to take.
type asked struct {
	host, target string
	fields       []string
	route        string // empty: none
	backend      string // "ab": a has its WebSockets and b its plain requests
	sees         string // the target that the backend is asked for; empty: the same
}

var questions = []asked{
	{"apart.example", "/x", nil, "plain-apart", "ab", ""},
	{"APART.example.:8080", "/x?y", nil, "plain-apart", "ab", ""},
	{"a.example", "/x", []string{"X-Admin: yes"}, "admin", "bb", ""},
	{"a.example", "/pick", []string{"X-Admin: no"}, "exact", "a-", ""},
	{"eu.chat.example", "/x", nil, "wildcard", "cc", ""},
	{"a.b.chat.example", "/", nil, "wildcard", "cc", ""},
	{"chat.example", "/", nil, "", "", ""},
	{"x", "/api/users/7?q=1", nil, "prefix", "aa", "/v1/users/7?q=1"},
	{"x", "/api/", nil, "prefix", "aa", "/v1/"},
	{"x", "/%61pi/a%20b", nil, "prefix", "aa", "/v1/a%20b"},
	{"x", "/apiary", nil, "", "", ""},
	{"x", "/api", nil, "prefix", "aa", ""},
	{"x", "/rooms/12/blue", nil, "regexp", "bb", ""},
	{"x", "/rooms/12/", nil, "regexp", "bb", ""},
	{"x", "/rooms/12/BLUE", nil, "", "", ""},
	{"x", "/rooms/12/blue/more", nil, "", "", ""},
	{"x", "/pick?a&tier=gold", nil, "query", "cc", ""},
	{"x", "/pick?tier=golden", nil, "exact", "a-", ""},
	{"x", "/choose", nil, "exact", "a-", ""},
	{"x", "/choose/", nil, "", "", ""},
	{"[::1]:9", "/x", nil, "address", "bb", ""},
	{"rewrites.example", "/old/1", nil, "rewrites-some", "cc", "/new/1"},
	{"rewrites.example", "/%6Fld/1", nil, "rewrites-some", "cc", "/new/1"},
	{"rewrites.example", "/other", nil, "rewrites-some", "cc", ""},
	{"x", "/", nil, "", "", ""},
}

// TestRoutes asks for each as a WebSocket and as a plain request, and has weir check say the same.
func TestRoutes(t *testing.T) {
	text := routesFile
	for _, name := range []string{"a", "b", "c"} {
		text = strings.ReplaceAll(text, "{"+name+"}", startWitness(t, name, nil))
	}
	tls := newAuthority(t).issue(t, time.Hour, "x")
	text += fmt.Sprintf("tls-listen: %s\ntls-cert: %s\ntls-key: %s\n", freeport.Addr(t), tls.cert, tls.key)
	file := writeFile(t, t.TempDir(), "weir.yaml", text)
	p := startBinary(t, 0, "--config", file)
	c := clientFrom(t, "127.0.0.1", nil)
	for _, q := range questions {
		fields := append(q.fields[:len(q.fields):len(q.fields)], "Host: "+q.host)
		said := checkSays(t, file, q)
		if q.sees == "" {
			q.sees = q.target
		} else if path, _, _ := strings.Cut(q.sees, "?"); !strings.HasSuffix(said, " asked for "+path) {
			t.Errorf("%s%s: the backend is to see %s, weir check says %q", q.host, q.target, q.sees, said)
		}
		if q.route == "" {
			if status, _ := request(t, c, "http://"+p.Addr+q.target, fields...); status != 404 {
				t.Errorf("%s%s: status %d, want 404", q.host, q.target, status)
			}
			if ws, _, status := dialWitness(t, c, p.url(q.target), fields...); ws != nil || status != 404 {
				t.Errorf("WebSocket %s%s: status %d, want 404", q.host, q.target, status)
			}
			continue
		}
		saw := converse(t, c, p.url(q.target), fields...)
		if saw.Witness != q.backend[:1] || saw.Target != q.sees {
			t.Errorf("WebSocket %s%s: came to %s as %s, want %s as %s", q.host, q.target, saw.Witness, saw.Target, q.backend[:1], q.sees)
		}
		if q.backend[1:] == "-" {
			if status, _ := request(t, c, "http://"+p.Addr+q.target, fields...); status != 426 {
				t.Errorf("%s%s: status %d, want 426", q.host, q.target, status)
			}
			continue
		}
		if saw := get(t, c, "http://"+p.Addr+q.target, fields...); saw.Witness != q.backend[1:] || saw.Target != q.sees {
			t.Errorf("%s%s: came to %s as %s, want %s as %s", q.host, q.target, saw.Witness, saw.Target, q.backend[1:], q.sees)
		}
	}
	checkOwnValues(t, p, file)
}

// checkSays compares with what weir check says, and returns its line on the route.
func checkSays(t testing.TB, file string, q asked) string {
	t.Helper()
	argv := []string{"check", "--config", file, "http://" + q.host + q.target}
	for _, f := range q.fields {
		argv = append(argv, "--header", f)
	}
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, argv...).CombinedOutput()
	if err != nil {
		t.Fatalf("weir check: %v\n%s", err, out)
	}
	want := `(?m)^  refused +no route takes it$`
	if q.route != "" {
		want = `(?m)^  ` + q.route + ` +taken.*$`
	}
	said := regexp.MustCompile(want).FindString(string(out))
	if said == "" {
		t.Errorf("%s%s: weir check does not say that it takes %q:\n%s", q.host, q.target, q.route, out)
	}
	return said
}

// checkOwnValues looks at what routes have for themselves.
func checkOwnValues(t testing.TB, p *process, file string) {
	t.Helper()
	c := clientFrom(t, "127.0.0.1", nil)
	for _, saw := range []told{
		get(t, c, "http://"+p.Addr+"/", "Host: apart.example", "X-Debug: 1", "X-Team: mine"),
		converse(t, c, p.url("/"), "Host: apart.example", "X-Debug: 1", "X-Team: mine"),
	} {
		if team := strings.Join(saw.Header.Values("X-Team"), ","); team != "apart" || saw.Header["X-Debug"] != nil {
			t.Errorf("apart: the backend saw %v", saw.Header)
		}
	}
	for _, saw := range []told{get(t, c, "http://"+p.Addr+"/", "Host: a.example", "X-Admin: yes"), converse(t, c, p.url("/"), "Host: a.example", "X-Admin: yes")} {
		if saw.Host != "inner.example" || saw.Header.Get("X-Forwarded-Host") != "a.example" {
			t.Errorf("admin: the backend saw host %s, and %s as that of the client", saw.Host, saw.Header.Get("X-Forwarded-Host"))
		}
	}
	for _, saw := range []told{get(t, c, "http://"+p.Addr+"/rooms/1/a"), converse(t, c, p.url("/rooms/1/a"))} {
		if saw.Header.Get("X-Forwarded-For") != "" {
			t.Errorf("regexp: forwarded is off, and the backend was told %q", saw.Header.Get("X-Forwarded-For"))
		}
	}
	for host, want := range map[string]websocket.StatusCode{"eu.chat.example": websocket.StatusMessageTooBig, "apart.example": -1} {
		ws, _, _ := dialWitness(t, c, p.url("/"), "Host: "+host)
		if err := ws.Write(t.Context(), websocket.MessageText, make([]byte, 300_000)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != want {
			t.Errorf("%s: 300,000 bytes in a message: %v, want code %d", host, err, want)
		}
		_ = ws.CloseNow()
	}
	for target, want := range map[string]string{"/secured": "403", "/secure": "308 https://x/secure"} {
		out, _ := run(t, "", "curl", "--silent", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "-H", "Host: x:8080", "http://"+p.Addr+target)
		if strings.TrimSpace(out) != want {
			t.Errorf("%s without TLS: %s, want %s", target, out, want)
		}
		if ws, _, status := dialWitness(t, c, p.url(target)); ws != nil || status != 403 {
			t.Errorf("WebSocket %s without TLS: status %d, want 403", target, status)
		}
		said := checkSays(t, file, asked{host: "x", target: target, route: map[string]string{"/secured": "secured", "/secure": "elsewhere"}[target]})
		if !strings.Contains(said, "require-tls") {
			t.Errorf("%s without TLS: weir check says %q", target, said)
		}
	}
}
