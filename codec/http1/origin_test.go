package http1_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/codec/http1"
)

// trusted are 10.0.0.0/8, fd00::/8 and unix sockets.
func trusted(a netip.Addr) bool {
	return !a.IsValid() || netip.MustParsePrefix("10.0.0.0/8").Contains(a) || netip.MustParsePrefix("fd00::/8").Contains(a)
}

func showFrom(f http1.From) string {
	s := fmt.Sprint(f.Addr, " ", f.Hops, " tls=", f.TLS)
	if f.Host != nil {
		s += " host=" + string(f.Host)
	}
	return s
}

// many is a list of trusted addresses, the client first.
func many(n int) (list string, hops []netip.Addr) {
	for i := range n {
		a := netip.AddrFrom4([4]byte{10, 1, 0, byte(i)})
		list, hops = list+a.String()+",", append(hops, a)
	}
	return list, hops
}

var longList, longHops = many(40)

var origins = []struct{ name, peer, lines, want string }{
	{"nobody", "192.0.2.9", "", "192.0.2.9 [] tls=false"},
	{"IPv4 in IPv6, zone", "::ffff:192.0.2.9", "", "192.0.2.9 [] tls=false"},
	{"zone", "fe80::1%eth0", "", "fe80::1 [] tls=false"},
	{"untrusted says much", "192.0.2.9", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=192.0.2.1", "192.0.2.9 [] tls=false"},

	{"trusted says nothing", "10.0.0.9", "", "10.0.0.9 [] tls=false"},
	{"one proxy", "10.0.0.9", "X-Forwarded-For: 192.0.2.1", "192.0.2.1 [10.0.0.9] tls=false"},
	{"one proxy in IPv6 form", "::ffff:10.0.0.9", "X-Forwarded-For: ::ffff:192.0.2.1", "192.0.2.1 [10.0.0.9] tls=false"},
	{"IPv6", "fd00::9", "X-Forwarded-For: 2001:db8::1, fd00::8", "2001:db8::1 [fd00::8 fd00::9] tls=false"},
	{"unix socket", "", "X-Forwarded-For: 192.0.2.1, 10.0.0.8", "192.0.2.1 [10.0.0.8] tls=false"},
	{"unix socket says nothing", "", "", "invalid IP [] tls=false"},
	{"three proxies", "10.0.0.9", "X-Forwarded-For: 192.0.2.1, 10.0.0.7, 10.0.0.8", "192.0.2.1 [10.0.0.7 10.0.0.8 10.0.0.9] tls=false"},
	{"a lie in front", "10.0.0.9", "X-Forwarded-For: 10.0.0.1, 127.0.0.1, 192.0.2.1,10.0.0.8", "192.0.2.1 [10.0.0.8 10.0.0.9] tls=false"},
	{"a lie in a field in front", "10.0.0.9", "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.8", "192.0.2.1 [10.0.0.8 10.0.0.9] tls=false"},
	{"all trusted", "10.0.0.9", "X-Forwarded-For: 10.0.0.7, 10.0.0.8", "10.0.0.7 [10.0.0.8 10.0.0.9] tls=false"},
	{"empty elements", "10.0.0.9", "X-Forwarded-For: 192.0.2.1, ,\t,10.0.0.8,,\r\nX-Forwarded-For:", "192.0.2.1 [10.0.0.8 10.0.0.9] tls=false"},
	{"ports", "10.0.0.9", "X-Forwarded-For: [2001:db8::1]:443, 10.0.0.7:80, [fd00::8]", "2001:db8::1 [10.0.0.7 fd00::8 10.0.0.9] tls=false"},
	{"garbage", "10.0.0.9", "X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.8", "10.0.0.8 [10.0.0.9] tls=false"},
	{"garbage at once", "10.0.0.9", "X-Forwarded-For: 192.0.2.1, evil", "10.0.0.9 [] tls=false"},
	{"quote", "10.0.0.9", `X-Forwarded-For: 192.0.2.1, "10.0.0.8`, "10.0.0.9 [] tls=false"},
	{"zone in a list", "10.0.0.9", "X-Forwarded-For: fe80::1%a", "10.0.0.9 [] tls=false"},
	{"bad port", "10.0.0.9", "X-Forwarded-For: 192.0.2.1:x", "10.0.0.9 [] tls=false"},
	{"bad port of IPv6", "10.0.0.9", "X-Forwarded-For: [2001:db8::1]443", "10.0.0.9 [] tls=false"},
	{"open bracket", "10.0.0.9", "X-Forwarded-For: [2001:db8::1", "10.0.0.9 [] tls=false"},
	{"endless", "10.0.0.9", "X-Forwarded-For: " + longList, fmt.Sprint(longHops[8], " ", append(slices.Clone(longHops[9:]), netip.MustParseAddr("10.0.0.9")), " tls=false")},
	{"other spelling", "10.0.0.9", "X_Forwarded_For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1", "10.0.0.9 [] tls=false"},

	{"https", "10.0.0.9", "X-Forwarded-Proto: HTTPS", "10.0.0.9 [] tls=true"},
	{"wss", "10.0.0.9", "X-Forwarded-Proto: wss", "10.0.0.9 [] tls=true"},
	{"other scheme", "10.0.0.9", "X-Forwarded-Proto: ftp", "10.0.0.9 [] tls=false"},
	{"two schemes", "10.0.0.9", "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https", "10.0.0.9 [] tls=false"},
	{"schemes as a list", "10.0.0.9", "X-Forwarded-Proto: https,http", "10.0.0.9 [] tls=false"},
	{"host", "10.0.0.9", "X-Forwarded-Host: a.example:8443", "10.0.0.9 [] tls=false host=a.example:8443"},
	{"bad host", "10.0.0.9", "X-Forwarded-Host: a.example/b", "10.0.0.9 [] tls=false"},
	{"two hosts", "10.0.0.9", "X-Forwarded-Host: a\r\nX-Forwarded-Host: b", "10.0.0.9 [] tls=false"},

	{"Forwarded", "10.0.0.9", `Forwarded: for=192.0.2.1;proto=https;host="a.example:8443", For="[fd00::8]:80";by=x`, "192.0.2.1 [fd00::8 10.0.0.9] tls=true host=a.example:8443"},
	{"Forwarded in more fields", "10.0.0.9", "Forwarded: for=192.0.2.1\r\nForwarded: proto=https ; for=10.0.0.8", "192.0.2.1 [10.0.0.8 10.0.0.9] tls=false"},
	{"Forwarded beside the other", "10.0.0.9", "X-Forwarded-For: 192.0.2.2\r\nForwarded: for=192.0.2.1;proto=https", "192.0.2.2 [10.0.0.9] tls=false"},
	{"Forwarded and others of the other family", "10.0.0.9", "Forwarded: for=192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil", "192.0.2.1 [10.0.0.9] tls=false"},
	{"Forwarded, obfuscated", "10.0.0.9", "Forwarded: for=192.0.2.1, for=_hidden;proto=https", "10.0.0.9 [] tls=false"},
	{"Forwarded without for", "10.0.0.9", "Forwarded: for=192.0.2.1, proto=https", "10.0.0.9 [] tls=false"},
	{"Forwarded, open quote in front", "10.0.0.9", `Forwarded: for=", for=192.0.2.1`, "192.0.2.1 [10.0.0.9] tls=false"},
	{"Forwarded, a host that tells more", "10.0.0.9", `Forwarded: for=192.0.2.1;host="a, for=127.0.0.1;x="`, "10.0.0.9 [] tls=false"},
	{"Forwarded, elements joined", "10.0.0.9", `Forwarded: for=127.0.0.1;x=", for=192.0.2.1;host=a"`, "10.0.0.9 [] tls=false"},
	{"Forwarded, escapes", "10.0.0.9", `Forwarded: for=127.0.0.1, for=192.0.2.1;x="\""`, "10.0.0.9 [] tls=false"},
}

func TestOrigin(t *testing.T) {
	for _, c := range origins {
		t.Run(c.name, func(t *testing.T) {
			head := rfcRequest
			if c.lines != "" {
				head = with(c.lines)
			}
			r, reason := upgrade(head)
			if reason != "" {
				t.Fatal("refused:", reason)
			}
			peer, _ := netip.ParseAddr(c.peer)
			if got := showFrom(r.Origin(peer, false, trusted, nil)); got != c.want {
				t.Errorf("\ngot  %s\nwant %s", got, c.want)
			}
			if got := showFrom(http1.OriginHeader(headerOf(r.Fields), peer, false, trusted)); got != c.want {
				t.Errorf("from net/http's\ngot  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Our own TLS counts where no trusted proxy says otherwise.
func TestOriginTLS(t *testing.T) {
	for lines, want := range map[string]bool{"X: a": true, "X-Forwarded-Proto: http": false, "X-Forwarded-Proto: ws": false, "Forwarded: for=10.0.0.1;proto=http": false, "X-Forwarded-Proto: ftp": true} {
		r, _ := upgrade(with(lines))
		if got := r.Origin(netip.MustParseAddr("10.0.0.9"), true, trusted, nil).TLS; got != want {
			t.Errorf("%s: %v", lines, got)
		}
	}
}

// A request's id is believed where it comes from a trusted peer, once, and is one.
func TestOriginRequestID(t *testing.T) {
	for lines, want := range map[string]string{"X: a": "", "X-Request-Id: a-1_~": "a-1_~", "x-request-id: " + strings.Repeat("x", 128): strings.Repeat("x", 128),
		"X-Request-Id: a\r\nX-Request-Id: a": "", "X-Request-Id: a b": "", "X-Request-Id: \u00fc": "", "X-Request-Id:": "", "X-Request-Id: " + strings.Repeat("x", 129): ""} {
		r, _ := upgrade(with(lines))
		proxy, stranger := netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("192.0.2.9")
		if got := r.Origin(proxy, false, trusted, nil).RequestID; got != want {
			t.Errorf("%s: %q", lines, got)
		}
		if got := http1.OriginHeader(headerOf(r.Fields), proxy, false, trusted).RequestID; got != want {
			t.Errorf("%s, of net/http: %q", lines, got)
		}
		if got := r.Origin(stranger, false, trusted, nil).RequestID; got != "" {
			t.Errorf("%s, of a stranger: %q", lines, got)
		}
	}
}

// What we write a gateway behind us understands, which trusts us and whom we trust.
func TestOriginOfForwarded(t *testing.T) {
	r, _ := upgrade(with("X-Forwarded-For: 192.0.2.1, fd00::7, 10.0.0.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: [2001:db8::2]:8443"))
	from := r.Origin(netip.MustParseAddr("10.0.0.9"), false, trusted, nil)
	ru := http1.Rules{Forwarded: true, Standard: true}
	fields, _, _ := ru.Forward(nil, nil, r, from)
	const want = "192.0.2.1 [fd00::7 10.0.0.8 10.0.0.9 10.0.0.10] tls=true host=[2001:db8::2]:8443"
	for _, left := range []string{"X-Forwarded-", "Forwarded"} { // each family tells the whole
		again := http1.Request{Fields: slices.DeleteFunc(slices.Clone(fields), func(f http1.Field) bool { return !strings.HasPrefix(string(f.Name), left) })}
		if got := showFrom(again.Origin(netip.MustParseAddr("10.0.0.10"), false, trusted, nil)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", showFields(again.Fields), got, want)
		}
	}
}

func TestOriginAllocations(t *testing.T) {
	r, _ := upgrade(with("X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.7, 10.0.0.8:80\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example:80"))
	room := make([]netip.Addr, 0, 8)
	header := headerOf(r.Fields)
	stranger, proxy := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("10.0.0.9")
	believe := func(a netip.Addr) bool { return a.Is4() && a.As4()[0] == 10 }
	for name, ask := range map[string]func(){
		"stranger":                func() { r.Origin(stranger, false, believe, nil) },
		"stranger, from net/http": func() { http1.OriginHeader(header, stranger, false, believe) },
		"proxy":                   func() { r.Origin(proxy, false, believe, room) },
	} {
		most := 0.0
		if name == "proxy" {
			most = 1 // for the word that is no address
		}
		if n := testing.AllocsPerRun(100, ask); n > most {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func headerOf(fields []http1.Field) http.Header {
	h := http.Header{}
	for _, f := range fields {
		h.Add(string(f.Name), string(f.Value))
	}
	return h
}
