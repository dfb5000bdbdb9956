package dns_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/upstream/discovery"
)

// A lookup is one that Go's resolver must agree on, but for the TTL.
type lookup struct {
	conf, hosts string
	zones       []zone // of the servers 127.0.0.1, 127.0.0.2 and so on; "": nobody is there
	host        string
	family      discovery.Family // "": any
	want        string           // addresses in order; "": there are none, and that is known
	fails       string           // text of an error that leaves open whether there are any
	ttl         time.Duration
	asked       string // of the first server, sorted, if it matters
}

const soa = "example. 300 SOA ns.example. admin.example. 1 60 60 60 30\n"

var lookups = map[string]lookup{
	"both families": {zones: []zone{"a.example. 60 A 10.0.0.1\na.example. 20 AAAA fd00::1"},
		host: "a.example", want: "10.0.0.1 fd00::1", ttl: 20 * time.Second, asked: "a.example. A udp, a.example. AAAA udp"},
	"IPv4 only": {zones: []zone{"a.example. 60 A 10.0.0.2\na.example. 60 A 10.0.0.1\na.example. 20 AAAA fd00::1"},
		host: "a.example", family: discovery.IPv4, want: "10.0.0.1 10.0.0.2", ttl: time.Minute, asked: "a.example. A udp"},
	"IPv6 only": {zones: []zone{"a.example. 60 A 10.0.0.1\na.example. 20 AAAA fd00::1"},
		host: "a.example", family: discovery.IPv6, want: "fd00::1", ttl: 20 * time.Second, asked: "a.example. AAAA udp"},
	"one family is empty": {zones: []zone{soa + "a.example. 60 AAAA fd00::1"}, host: "a.example", want: "fd00::1", ttl: time.Minute},
	"TTL of nothing":      {zones: []zone{"a.example. 0 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1"},
	"TTL beyond 31 bits":  {zones: []zone{"a.example. 4000000000 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1"},
	"letters of any case": {zones: []zone{"a.example. 60 A 10.0.0.1"}, host: "A.eXample", want: "10.0.0.1", ttl: time.Minute},
	"literal":             {zones: []zone{""}, host: "10.9.9.9", want: "10.9.9.9", ttl: (1<<31 - 1) * time.Second},
	"literal IPv6":        {zones: []zone{""}, host: "fd00::9", want: "fd00::9", ttl: (1<<31 - 1) * time.Second},

	"chain": {zones: []zone{"a.example. 60 CNAME b.example.\nb.example. 7 CNAME c.example.\nc.example. 50 A 10.0.0.1"},
		host: "a.example", want: "10.0.0.1", ttl: 7 * time.Second},
	"chain to nowhere":       {zones: []zone{soa + "a.example. 20 CNAME b.example."}, host: "a.example", ttl: 20 * time.Second},
	"chain out of order":     {zones: []zone{"c.example. 50 A 10.0.0.1\na.example. 60 CNAME c.example."}, host: "a.example", want: "10.0.0.1", ttl: 50 * time.Second},
	"no name":                {zones: []zone{soa}, host: "a.example", ttl: 30 * time.Second},
	"no name, no SOA":        {zones: []zone{""}, host: "a.example"},
	"no address":             {zones: []zone{soa + "a.example. 60 TXT x"}, host: "a.example", ttl: 30 * time.Second},
	"no address of a family": {zones: []zone{soa + "a.example. 60 A 10.0.0.1"}, host: "a.example", family: discovery.IPv6, ttl: 30 * time.Second},
	"no domain name":         {zones: []zone{soa}, host: "a b.example"},
	"digits":                 {zones: []zone{soa}, host: "10.0.0.300"},
	"label too long":         {zones: []zone{soa}, host: strings.Repeat("a", 64) + ".example"},
	"name too long":          {zones: []zone{soa}, host: strings.Repeat("a.", 127) + "example"},
	"dash before a dot":      {zones: []zone{soa}, host: "a-.example"},

	"fails":                  {zones: []zone{"a.example. SERVFAIL"}, host: "a.example", fails: "server misbehaving"},
	"half fails":             {zones: []zone{"a.example. AAAA SERVFAIL\na.example. 60 A 10.0.0.1"}, host: "a.example", fails: "server misbehaving"},
	"other half fails":       {zones: []zone{"a.example. A SERVFAIL\na.example. 60 AAAA fd00::1"}, host: "a.example", fails: "server misbehaving"},
	"half refused":           {zones: []zone{"a.example. AAAA REFUSED\na.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},
	"refused":                {zones: []zone{"a.example. REFUSED"}, host: "a.example", fails: "server misbehaving"},
	"lame":                   {zones: []zone{"a.example. LAME"}, host: "a.example", fails: "lame referral"},
	"lame, with EDNS":        {zones: []zone{"a.example. LAME+EDNS"}, host: "a.example"}, // libc and Go take it for an answer
	"nobody there":           {zones: []zone{"nobody"}, host: "a.example", fails: "refused"},
	"silent":                 {conf: "options timeout:1 attempts:1", zones: []zone{"a.example. SILENT"}, host: "a.example", fails: "i/o timeout"},
	"second server":          {zones: []zone{"a.example. SERVFAIL", "a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},
	"second for refused":     {zones: []zone{"a.example. REFUSED", "a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},
	"second for lame":        {zones: []zone{"a.example. LAME", "a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},
	"second for dead":        {zones: []zone{"nobody", "a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},
	"second for silent":      {conf: "options timeout:2", zones: []zone{"a.example. SILENT", "a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},
	"no second for unknown":  {zones: []zone{soa, "a.example. 60 A 10.0.0.1"}, host: "a.example", ttl: 30 * time.Second},
	"attempts":               {conf: "options attempts:3", zones: []zone{"a.example. SERVFAIL"}, host: "a.example", family: discovery.IPv4, fails: "server misbehaving", asked: "a.example. A udp, a.example. A udp, a.example. A udp"},
	"single request":         {conf: "options single-request", zones: []zone{"a.example. 10 A 10.0.0.1\na.example. 60 AAAA fd00::1"}, host: "a.example", want: "10.0.0.1 fd00::1", ttl: 10 * time.Second},
	"TCP by option":          {conf: "options use-vc", zones: []zone{"a.example. 60 A 10.0.0.1"}, host: "a.example", family: discovery.IPv4, want: "10.0.0.1", ttl: time.Minute, asked: "a.example. A tcp"},
	"larger than 512 bytes":  {zones: []zone{many("a.example.", 50)}, host: "a.example", family: discovery.IPv4, want: numbered(50), ttl: time.Minute, asked: "a.example. A udp"},
	"larger than a packet":   {zones: []zone{many("a.example.", 200)}, host: "a.example", family: discovery.IPv4, want: numbered(200), ttl: time.Minute, asked: "a.example. A tcp, a.example. A udp"},
	"servers beyond a third": {conf: "nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 127.0.0.4", zones: []zone{"nobody", "nobody", "nobody", "a.example. 60 A 10.0.0.1"}, host: "a.example", fails: "refused"},
	"servers by name":        {conf: "nameserver ns.example\nnameserver 127.0.0.1", zones: []zone{"a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},

	"search": {conf: "search one.example two.example", zones: []zone{soa + "a.two.example. 60 A 10.0.0.1"}, host: "a", family: discovery.IPv4, want: "10.0.0.1", ttl: time.Minute,
		asked: "a.one.example. A udp, a.two.example. A udp"},
	"search goes on behind an empty answer": {conf: "search one.example two.example.", zones: []zone{soa + "a.one.example. 9 TXT x\na.two.example. 60 A 10.0.0.1"}, host: "a", want: "10.0.0.1", ttl: time.Minute},
	"search finds nothing":                  {conf: "search one.example two.example", zones: []zone{soa}, host: "a", ttl: 30 * time.Second, family: discovery.IPv4, asked: "a. A udp, a.one.example. A udp, a.two.example. A udp"},
	"search with dots enough":               {conf: "search one.example", zones: []zone{soa + "b.one.example. 60 A 10.0.0.1\na.b.one.example. 60 A 10.0.0.2"}, host: "a.b", family: discovery.IPv4, want: "10.0.0.2", ttl: time.Minute, asked: "a.b. A udp, a.b.one.example. A udp"},
	"search is not for absolute names":      {conf: "search one.example", zones: []zone{soa + "a.one.example. 60 A 10.0.0.2"}, host: "a.", family: discovery.IPv4, ttl: 30 * time.Second, asked: "a. A udp"},
	"search stops at a failure":             {conf: "search one.example two.example", zones: []zone{"a.one.example. SERVFAIL\na.two.example. 60 A 10.0.0.1"}, host: "a", fails: "server misbehaving"},
	"search passes over a refusal":          {conf: "search one.example two.example", zones: []zone{"a.one.example. REFUSED\na.two.example. 60 A 10.0.0.1"}, host: "a", want: "10.0.0.1", ttl: time.Minute},
	"search of a domain":                    {conf: "search one.example\ndomain two.example", zones: []zone{soa + "a.two.example. 60 A 10.0.0.1"}, host: "a", family: discovery.IPv4, want: "10.0.0.1", ttl: time.Minute, asked: "a.two.example. A udp"},
	"comments":                              {conf: "# search three.example\n; search four.example\nsearch one.example # search two.example", zones: []zone{soa + "a.one.example. 60 A 10.0.0.1"}, host: "a", want: "10.0.0.1", ttl: time.Minute},

	"Kubernetes, a service": {conf: kubernetes, zones: []zone{soa + "chat.prod.svc.cluster.local. 5 A 10.96.0.7"}, host: "chat", family: discovery.IPv4, want: "10.96.0.7", ttl: 5 * time.Second,
		asked: "chat.prod.svc.cluster.local. A udp"},
	"Kubernetes, another namespace": {conf: kubernetes, zones: []zone{soa + "chat.test.svc.cluster.local. 5 A 10.96.0.7"}, host: "chat.test", family: discovery.IPv4, want: "10.96.0.7", ttl: 5 * time.Second,
		asked: "chat.test.prod.svc.cluster.local. A udp, chat.test.svc.cluster.local. A udp"},
	"Kubernetes, outside": {conf: kubernetes, zones: []zone{soa + "www.example.com. 60 A 10.0.0.1"}, host: "www.example.com", family: discovery.IPv4, want: "10.0.0.1", ttl: time.Minute,
		asked: "www.example.com. A udp, www.example.com.cluster.local. A udp, www.example.com.prod.svc.cluster.local. A udp, www.example.com.svc.cluster.local. A udp"},

	"hosts file":                       {hosts: "10.1.1.1 other a.example # b.example\nfd00::1 A.Example", zones: []zone{"a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.1.1.1 fd00::1", ttl: 5 * time.Second},
	"hosts file, absolute name":        {hosts: "10.1.1.1 a.example", zones: []zone{""}, host: "A.example.", want: "10.1.1.1", ttl: 5 * time.Second},
	"hosts file says nothing of it":    {hosts: "10.1.1.1 b.example\n10.1.1.300 a.example\n10.1.1.4\n# 10.1.1.5 a.example", zones: []zone{"a.example. 60 A 10.0.0.1"}, host: "a.example", want: "10.0.0.1", ttl: time.Minute},
	"hosts file, beside a dead server": {hosts: "10.1.1.1 a.example", zones: []zone{"nobody"}, host: "a.example", want: "10.1.1.1", ttl: 5 * time.Second},
}

const kubernetes = "search prod.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5"

// many is a zone of so many addresses of one name, numbered are these.
func many(name string, n int) (z zone) {
	for _, addr := range strings.Fields(numbered(n)) {
		z = zone(name+" 60 A "+addr+"\n") + z
	}
	return z
}

func numbered(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("10.0.%d.%d", i/200, i%200+1))
	}
	return strings.Join(all, " ")
}

// start starts the servers and completes resolv.conf.
func (l *lookup) start(t *testing.T) (servers []*nameServer) {
	conf := ""
	for i, z := range l.zones {
		conf += fmt.Sprintf("nameserver 127.0.0.%d\n", i+1)
		if z == "nobody" {
			servers = append(servers, refuse(t))
		} else {
			servers = append(servers, serve(t, z))
		}
	}
	if strings.Contains(l.conf, "nameserver") {
		conf = ""
	}
	if l.conf = conf + l.conf; !strings.Contains(l.conf, "search") {
		l.conf += "\nsearch host.example" // else the machine's own domain would be
	}
	if l.family == "" {
		l.family = discovery.Any
	}
	return servers
}

func TestLookupIP(t *testing.T) {
	for name, l := range lookups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := l.start(t)
			answer, err := resolver(t, l.conf, l.hosts, servers...).LookupIP(within(t), l.host, l.family)
			var addrs []string
			for _, a := range answer.Addrs {
				addrs = append(addrs, a.String())
			}
			if got := strings.Join(addrs, " "); got != l.want {
				t.Errorf("%q, want %q", got, l.want)
			}
			if answer.TTL != l.ttl {
				t.Errorf("TTL %v, want %v", answer.TTL, l.ttl)
			}
			l.judge(t, err)
			if asked := strings.Join(servers[0].questions(), ", "); l.asked != "" && asked != l.asked {
				t.Errorf("asked for %s; want %s", asked, l.asked)
			}
		})
	}
}

// judge checks an error, of either resolver.
func (l *lookup) judge(t *testing.T, err error) {
	t.Helper()
	dnsErr, _ := errors.AsType[*net.DNSError](err)
	switch {
	case l.want != "":
		if err != nil {
			t.Error(err)
		}
	case dnsErr == nil:
		t.Errorf("%v is not a DNSError", err)
	case dnsErr.IsNotFound != (l.fails == ""):
		t.Errorf("%v: not found: %v", err, dnsErr.IsNotFound)
	case !strings.Contains(err.Error(), l.fails) || dnsErr.Name != l.host:
		t.Errorf("%v, want %s", err, l.fails)
	}
}

// A server that answers does so in any order; what is kept of too many addresses does not depend on it.
func TestAddressesAreBounded(t *testing.T) {
	for range 3 {
		s := serve(t, many("a.example.", 300))
		answer, err := resolver(t, "nameserver 127.0.0.1", "", s).LookupIP(within(t), "a.example.", discovery.Auto)
		if err != nil || len(answer.Addrs) != 256 || answer.Addrs[255].String() != "10.0.1.56" || !slices.IsSortedFunc(answer.Addrs, netip.Addr.Compare) {
			t.Errorf("%d addresses, %v", len(answer.Addrs), err)
		}
	}
}

func TestAutoFamily(t *testing.T) {
	s := serve(t, "a.example. 60 A 10.0.0.1\na.example. 60 AAAA fd00::1\nsix.example. 60 AAAA fd00::1\nmapped.example. 60 AAAA ::ffff:10.0.0.1")
	for host, want := range map[string]string{"a.example.": "[10.0.0.1]", "six.example.": "[fd00::1]", "mapped.example.": "[10.0.0.1]"} {
		answer, err := resolver(t, "nameserver 127.0.0.1", "", s).LookupIP(within(t), host, discovery.Auto)
		if got := fmt.Sprint(answer.Addrs); err != nil || got != want {
			t.Errorf("%s: %s, %v", host, got, err)
		}
	}
}
