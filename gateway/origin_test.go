package gateway_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

// letIn tells whether a handshake is let in; to be refused with any other status than the given one is a fault.
func letIn(t *testing.T, g *rig, status string, request string) bool {
	t.Helper()
	client := connect(t, g)
	client.write(request)
	m := client.head()
	_ = client.conn.Close()
	if !strings.HasPrefix(m.first, "HTTP/1.1 101 ") && !strings.HasPrefix(m.first, "HTTP/1.1 "+status+" ") {
		t.Fatalf("wanted 101 or %s, got %q", status, m.text)
	}
	return strings.HasPrefix(m.first, "HTTP/1.1 101 ")
}

// TestOriginPolicy is the table of pages that may open a WebSocket.
func TestOriginPolicy(t *testing.T) {
	t.Parallel()
	const cookie = "Cookie: session=1"
	for _, c := range []struct {
		name     string
		origins  []string
		required bool
		good     []string // lines of a request, with "; " between
		bad      []string
	}{
		{"default", nil, false,
			[]string{"", cookie, "Origin: http://evil.test", "Origin: http://weir.test; " + cookie, "Origin: HTTP://WEIR.TEST:80; " + cookie, "Origin: null",
				"Origin: ws://weir.test; " + cookie, "Origin: capacitor://localhost; Authorization: Bearer t", "Origin: http://localhost; authorization: bearer t",
				"Origin: http://evil.test; Authorization: Token t", "Origin: http://weir.test; Authorization: Basic YTpi"},
			[]string{"Origin: http://evil.test; Authorization: Basic YTpi", "Origin: http://evil.test; authorization: NEGOTIATE YTpi", "Origin: http://evil.test; Authorization: Digest username=a",
				"Origin: http://evil.test; Authorization: NTLM", "Origin: http://evil.test; Authorization: Bearer t; Authorization: Basic YTpi", "Origin: wss://weir.test; " + cookie,
				"Origin: http://evil.test; Authorization: Bearer t; " + cookie,
				"Origin: http://evil.test; " + cookie, "Origin: https://weir.test; " + cookie, "Origin: http://weir.test:81; " + cookie,
				"Origin: null; " + cookie, "Origin: http://weir.test.evil; " + cookie, "Origin: http://evil-weir.test; " + cookie,
				"Origin: http://weir.test; Origin: http://weir.test; " + cookie, "Origin: http://weir.test@evil.test; " + cookie,
				"Origin: http://weir.test http://evil.test; " + cookie, "Origin: ; " + cookie,
				"X-Forwarded-Host: evil.test; Origin: http://evil.test; " + cookie}},
		{"list", []string{"https://good.test", "https://*.good.test", "http://localhost:*"}, false,
			[]string{"", cookie, "Origin: https://good.test", "Origin: https://a.b.good.test", "Origin: http://localhost:3000", "Origin: https://good.test:443; " + cookie},
			[]string{"Origin: http://weir.test", "Origin: https://good.test.evil", "Origin: https://evilgood.test", "Origin: http://good.test", "Origin: null",
				"Origin: https://good.test/", "Origin: https://good.test; Origin: https://evil.test"}},
		{"null", []string{"null"}, false, []string{"Origin: null; " + cookie, ""}, []string{"Origin: http://weir.test", "Origin: NULL"}},
		{"any", []string{"*"}, false, []string{"Origin: http://evil.test; " + cookie, "Origin: null"}, []string{"Origin: a; Origin: b"}},
		{"required", []string{"same-origin"}, true, []string{"Origin: http://weir.test"}, []string{"", cookie, "Origin: http://evil.test"}},
		{"required alone", nil, true, []string{"Origin: http://weir.test"}, []string{"", "Origin: http://evil.test"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := start(t, func(cfg *config.Config) { cfg.Origin, cfg.OriginRequired = c.origins, c.required }, echo(t))
			for want, list := range map[bool][]string{true: c.good, false: c.bad} {
				for _, lines := range list {
					var split []string
					if lines != "" {
						split = strings.Split(lines, "; ")
					}
					if letIn(t, g, "403", handshake("/", split...)) != want {
						t.Errorf("%q: let in is %t", lines, !want)
					}
				}
			}
			wantRefused(t, g, "origin_denied", len(c.bad))
		})
	}
}

// TestOriginBehindAProxy: the page's own origin is the one that the proxy was asked for.
func TestOriginBehindAProxy(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) { cfg.TrustedProxies = []string{"127.0.0.1"} }, echo(t))
	for origin, want := range map[string]bool{"https://shop.test": true, "http://shop.test": false, "https://weir.test": false, "https://shop.test.evil": false} {
		if letIn(t, g, "403", handshake("/", "Cookie: a=1", "X-Forwarded-Host: shop.test", "X-Forwarded-Proto: https", "Origin: "+origin)) != want {
			t.Errorf("%s: let in is %t", origin, !want)
		}
	}
}

// TestForeignPageWithAPassword: a browser adds a password that it knows as it adds cookies, whichever page asks. So
// what holds for cookies has to hold for it.
func TestForeignPageWithAPassword(t *testing.T) {
	t.Parallel()
	_, users := lists(t)
	g := start(t, func(cfg *config.Config) { cfg.BasicUsers = users }, echo(t))
	if !letIn(t, g, "403", handshake("/", "Origin: http://weir.test", basic("ada", "open sesame"))) {
		t.Error("the page of the same origin is refused")
	}
	if letIn(t, g, "403", handshake("/", "Origin: http://evil.test", basic("ada", "open sesame"))) {
		t.Error("a foreign page uses the session of a user whose password the browser remembers")
	}
}

// TestAddressLists tell who may come, for both kinds of requests, by the true client's address, and as their files are now.
func TestAddressLists(t *testing.T) {
	t.Parallel()
	page, release := pages(t)
	close(release)
	allowed, denied := fileOf(t, "# office\n198.51.100.0/24\n2001:db8::/32\n"), fileOf(t, "192.0.2.9\n")
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.TrustedProxies, cfg.Allow, cfg.AllowFile = []string{"127.0.0.1"}, []string{"192.0.2.0/24"}, allowed
		cfg.Deny, cfg.DenyFile, cfg.HTTPUpstream = []string{"192.0.2.8"}, denied, []string{page}
	}, echo(t))
	check := func(when string, want map[string]bool) {
		t.Helper()
		for ip, in := range want {
			line := "X-Forwarded-For: " + ip
			if letIn(t, g, "403", handshake("/", line)) != in {
				t.Errorf("%s, %s: let in is %t", when, ip, !in)
			}
			status := 403
			if in {
				status = 200
			}
			wantAnswer(t, g, status, head("GET / HTTP/1.1", "Host: weir.test", "Connection: close", line))
		}
	}
	check("at first", map[string]bool{"192.0.2.1": true, "192.0.2.8": false, "192.0.2.9": false, "198.51.100.255": true, "2001:db8::1": true,
		"203.0.113.1": false, "2001:db9::1": false, "::ffff:192.0.2.1": true, "::ffff:192.0.2.9": false})
	rewrite(t, denied, "198.51.100.7\n")
	rewrite(t, allowed, "198.51.100.0/28\n")
	if err := reread(g); err != nil {
		t.Fatal(err)
	}
	check("read again", map[string]bool{"192.0.2.9": true, "198.51.100.7": false, "198.51.100.1": true, "198.51.100.255": false, "2001:db8::1": false})
	rewrite(t, denied, "nonsense\n")
	if err := reread(g); err == nil || !strings.Contains(err.Error(), denied+":1") {
		t.Errorf("a file of nonsense was taken, or not named: %v", err)
	}
	check("after a fault", map[string]bool{"198.51.100.7": false, "198.51.100.1": true})
}

// TestFilesAreLookedAt again and again without anybody's asking; a fault is told once.
func TestFilesAreLookedAt(t *testing.T) {
	t.Parallel()
	var out logs
	denied := fileOf(t, "192.0.2.9\n")
	g := startLogging(t, &out, func(cfg *config.Config) { cfg.DenyFile, cfg.ReloadInterval = denied, time.Second }, echo(t))
	rewrite(t, denied, "127.0.0.1\n")
	if !eventually(func() bool { return !letIn(t, g, "403", handshake("/")) }) {
		t.Error("the file was not read again")
	}
	wantRefused(t, g, "address_denied", 1)
	if !eventually(func() bool { return strings.Contains(out.String(), `msg="file reloaded" what="addresses `+denied+`"`) }) {
		t.Errorf("nobody was told of the new list:\n%s", out.String())
	}
	rewrite(t, denied, "nonsense\n")
	if !eventually(func() bool { return strings.Contains(out.String(), denied+":1") }) {
		t.Errorf("nobody was told of the fault:\n%s", out.String())
	}
}

// TestUnixPeersInLists: they have a name there, and no address.
func TestUnixPeersInLists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow, deny []string
		want        string
	}{
		{nil, nil, "101"}, {[]string{"unix", "10.0.0.0/8"}, nil, "101"}, {nil, []string{"10.0.0.0/8"}, "101"},
		{nil, []string{"unix"}, "403"}, {[]string{"10.0.0.0/8"}, nil, "403"},
	} {
		dir, err := os.MkdirTemp("", "weir") // a socket's path is short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		path := filepath.Join(dir, "s")
		start(t, func(cfg *config.Config) {
			cfg.Listen, cfg.Allow, cfg.Deny = append(cfg.Listen, "unix:"+path), c.allow, c.deny
		}, echo(t))
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len("HTTP/1.1 101"))
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err = conn.Write([]byte(handshake("/"))); err == nil {
			_, err = conn.Read(got)
		}
		if err != nil || string(got[9:]) != c.want {
			t.Errorf("allow %v, deny %v: got %q, %v, want %s", c.allow, c.deny, got, err, c.want)
		}
		_ = conn.Close()
	}
}

// TestConnectionRate counts handshakes of both kinds by the true client's address, IPv6 by its prefix.
func TestConnectionRate(t *testing.T) {
	t.Parallel()
	page, release := pages(t)
	close(release)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.ConnectionRate, cfg.TrustedProxies, cfg.Loops, cfg.HTTPUpstream = limit(t, "3/3h"), []string{"127.0.0.1"}, 2, []string{page}
		cfg.Deny = []string{"192.0.2.66"}
	}, echo(t))
	from := func(ip string) string { return "X-Forwarded-For: " + ip }
	wantAnswer(t, g, 101, handshake("/", from("192.0.2.1")))
	wantAnswer(t, g, 101, handshake("/", from("192.0.2.1")))
	wantAnswer(t, g, 200, head("GET / HTTP/1.1", "Host: weir.test", "Connection: close", from("192.0.2.1")))
	m := wantAnswer(t, g, 429, handshake("/", from("192.0.2.1")))
	wantField(t, m, "Retry-After", "5")
	wantAnswer(t, g, 429, head("GET / HTTP/1.1", "Host: weir.test", "Connection: close", from("192.0.2.1")))
	wantAnswer(t, g, 101, handshake("/", from("192.0.2.2")))
	for _, ip := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"} {
		wantAnswer(t, g, 101, handshake("/", from(ip)))
	}
	wantAnswer(t, g, 429, handshake("/", from("2001:db8::4")))
	wantAnswer(t, g, 101, handshake("/", from("2001:db8:0:1::1")))
	for _, status := range []int{403, 403, 403, 429} { // those who are refused count as well
		wantAnswer(t, g, status, handshake("/", from("192.0.2.66")))
	}
	wantRefused(t, g, "connection_rate", 4)
}

// TestConnectionsByPrefix: whoever has one address of IPv6 has all of its prefix.
func TestConnectionsByPrefix(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.MaxConnectionsPerIP, cfg.TrustedProxies = 1, []string{"127.0.0.1"} }, b.url())
	enter(t, g, b, handshake("/", "X-Forwarded-For: 2001:db8::1"))
	second := connect(t, g)
	second.write(handshake("/", "X-Forwarded-For: 2001:db8::2"))
	go func() {
		if conn, err := b.ln.Accept(); err == nil {
			answer(conn)
		}
	}()
	second.wantStatus(429)
}
