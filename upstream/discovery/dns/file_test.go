package dns_test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"weir/upstream/discovery"
	"weir/upstream/discovery/dns"
)

// Both files are read again when they have changed, and only then.
func TestFilesAreReadAgain(t *testing.T) {
	one, two := serve(t, "a.one.example. 60 A 10.0.0.1"), serve(t, "a.two.example. 60 A 10.0.0.2")
	conf, hosts := write(t, "resolv.conf", "nameserver 127.0.0.1\nsearch one.example"), write(t, "hosts", "")
	r := dns.New(dns.Options{ResolvConf: conf, Hosts: hosts, Dial: dialer([]string{one.addr, two.addr})})
	want := func(addr string) {
		t.Helper()
		answer, err := r.LookupIP(within(t), "a", discovery.IPv4)
		if got := fmt.Sprint(answer.Addrs); err != nil || got != "["+addr+"]" {
			t.Errorf("%s, %v; want %s", got, err, addr)
		}
	}
	rewrite := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want("10.0.0.1")
	rewrite(conf, "nameserver 127.0.0.2\nsearch two.example\n#")
	r.Keep()
	want("10.0.0.1") // it is not looked at each time
	r.Recheck()
	want("10.0.0.2")
	r.Recheck()
	want("10.0.0.2") // unchanged
	rewrite(hosts, "10.3.3.3 a")
	r.Recheck()
	want("10.3.3.3")
	if err := os.Remove(hosts); err != nil {
		t.Fatal(err)
	}
	rewrite(conf, "nameserver 127.0.0.1\nsearch one.example\noptions no-reload")
	r.Recheck()
	want("10.0.0.1")
	rewrite(conf, "nameserver 127.0.0.2\nsearch two.example")
	r.Recheck()
	want("10.0.0.1") // it asked for that
}

// A file that cannot be read for a while leaves what it said before.
func TestUnreadableFile(t *testing.T) {
	hosts := write(t, "hosts", "10.3.3.3 a.example")
	r := dns.New(dns.Options{ResolvConf: "/nowhere", Hosts: hosts, Dial: dialer(nil)})
	for range 2 {
		if answer, err := r.LookupIP(within(t), "a.example", discovery.Auto); err != nil || len(answer.Addrs) != 1 {
			t.Errorf("%v, %v", answer, err)
		}
		_ = os.Remove(hosts)
		if err := os.Mkdir(hosts, 0o700); err != nil { // reading it fails otherwise than by absence
			t.Fatal(err)
		}
		r.Recheck()
	}
}

// Without resolv.conf there is a server on this machine, as with libc.
func TestNoResolvConf(t *testing.T) {
	s := serve(t, "a.example. 60 A 10.0.0.1")
	r := dns.New(dns.Options{ResolvConf: "/nowhere", Hosts: "/nowhere", Dial: dialer([]string{s.addr})})
	if answer, err := r.LookupIP(within(t), "a.example.", discovery.Auto); err != nil || len(answer.Addrs) != 1 {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestParseConfig(t *testing.T) {
	for text, want := range map[string]string{
		"search x.": "[127.0.0.1:53] [a.b. a.b.x.] 2 5s",
		"search x y.\noptions ndots:2 attempts:0 timeout:0":                     "[127.0.0.1:53] [a.b.x. a.b.y. a.b.] 1 1s",
		"search x\noptions ndots:99 attempts:99 timeout:99":                     "[127.0.0.1:53] [a.b.x. a.b.] 5 30s",
		"search x\noptions ndots:-1 attempts:x timeout debug":                   "[127.0.0.1:53] [a.b. a.b.x.] 1 1s",
		"nameserver fe80::1%eth0\nnameserver 10.0.0.1 10.0.0.2\r\nsearch x\r\n": "[[fe80::1%eth0]:53 10.0.0.1:53] [a.b. a.b.x.] 2 5s",
		"nameserver\nnameserver ns.example\nsearch .\nsearch x onion.":          "[127.0.0.1:53] [a.b. a.b.x.] 2 5s",
	} {
		servers, names, attempts, timeout := dns.ParseConfig(text, "a.b")
		if got := fmt.Sprint(servers, names, attempts, timeout); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if _, names, _, _ := dns.ParseConfig("search example"+strings.Repeat(" x", 100), "a"); len(names) != 33 {
		t.Errorf("%d names", len(names))
	}
	if _, names, _, _ := dns.ParseConfig("search x", "a.onion"); len(names) != 1 {
		t.Errorf("%v would be known to name servers", names)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("nameserver 10.0.0.1\nsearch a.example b.example\noptions ndots:5 timeout:1 attempts:3 rotate", "chat.example")
	f.Add("domain x.\n;\n#\noptions", "chat.")
	f.Fuzz(func(t *testing.T, text, name string) {
		servers, names, attempts, timeout := dns.ParseConfig(text, name)
		if len(servers) == 0 || len(servers) > 3 || len(names) > 33 || attempts < 1 || attempts > 5 || timeout < time.Second || timeout > 30*time.Second {
			t.Fatal(servers, names, attempts, timeout)
		}
		for _, s := range servers {
			if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port != "53" {
				t.Fatalf("server %q", s)
			}
		}
		for _, n := range names {
			if !strings.HasSuffix(n, ".") || len(n) > 254 {
				t.Fatalf("name %q", n)
			}
		}
		if len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { _, ok := miekg.IsDomainName(n); return ok }) {
			t.Fatalf("names %q", names)
		}
	})
}

func FuzzParseHosts(f *testing.F) {
	f.Add("10.0.0.1 a.example b\nfd00::1\ta.example # c\n", "A.example.")
	f.Fuzz(func(t *testing.T, text, name string) {
		for _, addr := range dns.ParseHosts(text, name) {
			if !addr.IsValid() || !strings.Contains(strings.ToLower(text), strings.TrimSuffix(strings.ToLower(name), ".")) {
				t.Fatal(addr)
			}
		}
	})
}
