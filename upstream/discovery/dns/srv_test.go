package dns_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/upstream/discovery"
)

func TestLookupSRV(t *testing.T) {
	const name = "_ws._tcp.example."
	const hosts = "a.example. 50 A 10.0.0.1\nb.example. 40 A 10.0.0.2\nb.example. 40 AAAA fd00::2\n"
	for title, c := range map[string]struct {
		zone        zone
		conf, hosts string
		name        string // "": the constant
		family      discovery.Family
		want        string // "address weight priority", each
		empty       bool   // it is known that there is nothing
		fails       string
		ttl         time.Duration
		asked       string // if it matters
	}{
		"ports, weights and priorities": {
			zone: name + " 60 SRV 5 0 7001 a.example.\n" + name + " 60 SRV 1 10 7002 b.example.\n" + hosts,
			want: "10.0.0.2:7002 10 1, 10.0.0.1:7001 0 5", ttl: 40 * time.Second},
		"TTL of the record": {zone: name + " 9 SRV 0 0 1 a.example.\n" + hosts, want: "10.0.0.1:1 0 0", ttl: 9 * time.Second},
		"a chain": {zone: name + " 60 CNAME srv.example.\nsrv.example. 60 SRV 0 3 80 a.example.\n" + hosts,
			want: "10.0.0.1:80 3 0", ttl: 50 * time.Second},
		"all families": {zone: name + " 60 SRV 0 0 80 b.example.\n" + hosts, family: discovery.Any,
			want: "10.0.0.2:80 0 0, [fd00::2]:80 0 0", ttl: 40 * time.Second},
		"IPv6": {zone: name + " 60 SRV 0 0 80 b.example.\n" + name + " 60 SRV 0 0 80 a.example.\n" + hosts, family: discovery.IPv6,
			want: "[fd00::2]:80 0 0", ttl: 40 * time.Second},
		"twice": {zone: name + " 60 SRV 0 1 80 b.example.\n" + name + " 60 SRV 0 7 80 b.example.\n" + name + " 60 SRV 9 9 80 b.example.\n" + hosts,
			want: "10.0.0.2:80 7 0", ttl: 40 * time.Second},
		"search": {conf: "search prod.svc.cluster.local cluster.local\noptions ndots:5", name: "_ws._tcp.chat",
			zone: soa + "_ws._tcp.chat.prod.svc.cluster.local. 5 SRV 0 100 8080 10-0-0-9.chat.prod.svc.cluster.local.\n" +
				"extra-10-0-0-9.chat.prod.svc.cluster.local. 5 A 10.0.0.9",
			want: "10.0.0.9:8080 100 0", ttl: 5 * time.Second, asked: "_ws._tcp.chat.prod.svc.cluster.local. SRV udp"},

		"additional section": {zone: name + " 60 SRV 0 0 80 x.example.\nextra-x.example. 20 A 10.0.0.8\n",
			want: "10.0.0.8:80 0 0", ttl: 20 * time.Second, asked: name + " SRV udp"},
		"additional section with one family of both": {family: discovery.Any,
			zone: name + " 60 SRV 0 0 80 b.example.\nextra-b.example. 20 A 10.0.0.2\n" + hosts,
			want: "10.0.0.2:80 0 0, [fd00::2]:80 0 0", ttl: 40 * time.Second,
			asked: name + " SRV udp, b.example. A udp, b.example. AAAA udp"},
		"additional section with both": {family: discovery.Any,
			zone: name + " 60 SRV 0 0 80 x.example.\nextra-x.example. 20 A 10.0.0.2\nextra-x.example. 9 AAAA fd00::2",
			want: "10.0.0.2:80 0 0, [fd00::2]:80 0 0", ttl: 9 * time.Second, asked: name + " SRV udp"},
		"additional section without IPv4": { // there may be some
			zone: name + " 60 SRV 0 0 80 b.example.\nextra-b.example. 20 AAAA fd00::2\n" + hosts,
			want: "10.0.0.2:80 0 0", ttl: 40 * time.Second},
		"additional section of IPv4 where IPv6 is wanted": {family: discovery.IPv6,
			zone: name + " 60 SRV 0 0 80 b.example.\nextra-b.example. 20 A 10.0.0.2\n" + hosts,
			want: "[fd00::2]:80 0 0", ttl: 40 * time.Second},
		"hosts file": {hosts: "10.3.3.3 x.example", zone: name + " 60 SRV 0 0 80 x.example.\nextra-x.example. 20 A 10.0.0.8\n",
			want: "10.3.3.3:80 0 0", ttl: 5 * time.Second},

		"no service":                {zone: name + " 60 SRV 0 0 80 .", ttl: time.Minute},
		"no service beside one":     {zone: name + " 60 SRV 0 0 0 .\n" + name + " 60 SRV 0 0 80 a.example.\n" + hosts, want: "10.0.0.1:80 0 0", ttl: 50 * time.Second},
		"no record":                 {zone: soa + name + " 60 TXT x", empty: true, ttl: 30 * time.Second},
		"no name":                   {zone: soa, empty: true, ttl: 30 * time.Second},
		"a host without an address": {zone: soa + name + " 60 SRV 0 0 80 gone.example.\n" + name + " 60 SRV 0 0 80 a.example.\n" + hosts, want: "10.0.0.1:80 0 0", ttl: 50 * time.Second},
		"no host with an address":   {zone: soa + name + " 60 SRV 0 0 80 gone.example.", empty: true, ttl: time.Minute},
		"a host's look-up fails":    {zone: name + " 60 SRV 0 0 80 bad.example.\nbad.example. SERVFAIL\n" + name + " 60 SRV 0 0 80 a.example.\n" + hosts, fails: "misbehaving"},
		"fails":                     {zone: name + " SERVFAIL", fails: "misbehaving"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			if c.name == "" {
				c.name = name
			}
			s := serve(t, c.zone)
			targets, ttl, err := resolver(t, "nameserver 127.0.0.1\n"+c.conf, c.hosts, s).LookupSRV(within(t), c.name, c.family)
			var found []string
			for _, g := range targets {
				found = append(found, fmt.Sprintf("%v %d %d", g.Addr, g.Weight, g.Priority))
			}
			if got := strings.Join(found, ", "); got != c.want || ttl != c.ttl {
				t.Errorf("%s, TTL %v; want %s, %v", got, ttl, c.want, c.ttl)
			}
			if c.fails == "" && !c.empty {
				if err != nil {
					t.Error(err)
				}
			} else if e, ok := errors.AsType[*net.DNSError](err); !ok || e.IsNotFound != c.empty || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%#v", err)
			}
			if asked := strings.Join(s.questions(), ", "); c.asked != "" && asked != c.asked {
				t.Errorf("asked for %s", asked)
			}
		})
	}
}

// Targets beyond the limit do not depend on the order of the answer, and cost no questions.
func TestTargetsAreBounded(t *testing.T) {
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("_ws._tcp.example. 60 SRV 0 0 80 h%03d.example.\nh%03d.example. 60 A 10.0.%d.%d", i, i, i/200, i%200+1))
	}
	slices.Reverse(lines)
	s := serve(t, zone(strings.Join(lines, "\n")))
	targets, _, err := resolver(t, "nameserver 127.0.0.1", "", s).LookupSRV(within(t), "_ws._tcp.example.", discovery.IPv4)
	if err != nil || len(targets) != 256 || targets[0].Addr.String() != "10.0.0.1:80" || targets[255].Addr.String() != "10.0.1.56:80" {
		t.Fatalf("%d targets, %v", len(targets), err)
	}
	if n := len(s.questions()); n != 258 { // the service by UDP and TCP
		t.Errorf("%d questions", n)
	}
}

// So do those of hosts with too many addresses, of which the first ones stay.
func TestTargetsOfOneHostAreBounded(t *testing.T) {
	s := serve(t, "_ws._tcp.example. 60 SRV 7 0 80 a.example.\n_ws._tcp.example. 60 SRV 3 0 90 a.example.\n"+many("a.example.", 200))
	targets, _, err := resolver(t, "nameserver 127.0.0.1", "", s).LookupSRV(within(t), "_ws._tcp.example.", discovery.IPv4)
	if err != nil || len(targets) != 256 || targets[0].Addr.String() != "10.0.0.1:90" || targets[255].Addr.String() != "10.0.0.56:80" {
		t.Errorf("%d targets, %v", len(targets), err)
	}
	if n := len(s.questions()); n != 3 { // the host by UDP and TCP, once
		t.Errorf("%d questions", n)
	}
}

// The first failure ends a service's look-up, whatever else is still under way.
func TestServiceFailsAtOnce(t *testing.T) {
	z := zone("_ws._tcp.example. 60 SRV 0 0 80 bad.example.\nbad.example. SERVFAIL\n")
	for i := range 40 {
		z += zone(fmt.Sprintf("_ws._tcp.example. 60 SRV 0 0 80 h%d.example.\nh%d.example. SILENT\n", i, i))
	}
	start := time.Now()
	r := resolver(t, "nameserver 127.0.0.1\noptions timeout:30", "", serve(t, z))
	_, _, err := r.LookupSRV(t.Context(), "_ws._tcp.example.", discovery.Auto)
	if err == nil || !strings.Contains(err.Error(), "misbehaving") || time.Since(start) > 25*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}
