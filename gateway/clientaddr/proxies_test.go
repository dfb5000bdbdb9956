package clientaddr_test

import (
	"net/netip"
	"strings"
	"testing"

	"weir/gateway/clientaddr"
)

func TestTrustedProxies(t *testing.T) {
	const no = "-"
	for _, c := range []struct{ list, has, hasNot string }{
		{"", "", "10.0.0.1 ::1 " + no},
		{"10.1.2.3", "10.1.2.3 ::ffff:10.1.2.3", "10.1.2.4 ::10.1.2.3 " + no},
		{"10.0.0.0/8", "10.0.0.0 10.255.255.255 ::ffff:10.1.2.3", "11.0.0.0 9.255.255.255"},
		{"::ffff:10.0.0.0/104", "10.0.0.0 ::ffff:10.1.2.3", "11.0.0.0"},
		{"::ffff:10.1.2.3", "10.1.2.3", "10.1.2.4"},
		{"fd00::/8 192.0.2.1", "fd12::1 fd12::1%eth0 192.0.2.1", "fe80::1 192.0.2.2"},
		{"2001:db8::1", "2001:db8::1", "2001:db8::2"},
		{"0.0.0.0/0", "192.0.2.1 ::ffff:192.0.2.1", "::1 " + no},
		{"::/0", "::1 2001:db8::1", "192.0.2.1 ::ffff:192.0.2.1 " + no},
		{"unix", no, "127.0.0.1 ::1"},
		{"unix 127.0.0.1", no + " 127.0.0.1", "::1"},
	} {
		trust, err := clientaddr.ParseSet(strings.Fields(c.list))
		if err != nil {
			t.Fatalf("%s: %v", c.list, err)
		}
		check := func(addrs string, want bool) {
			for _, s := range strings.Fields(addrs) {
				a, _ := netip.ParseAddr(s) // no: the zero Addr
				if trust.Has(a) != want {
					t.Errorf("%q has %s: %v", c.list, s, !want)
				}
			}
		}
		check(c.has, true)
		check(c.hasNot, false)
	}
}

func TestParseSetRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"":                      "neither an address",
		"localhost":             "neither an address",
		"10.0.0.0/33":           "neither an address",
		"10.0.0.0/":             "neither an address",
		"10.0.0.1:80":           "neither an address",
		"10.0.0":                "neither an address",
		"fd00::/8%eth0":         "leave out the zone",
		"Unix":                  "neither an address",
		"fe80::1%eth0":          "leave out the zone",
		"::ffff:0.0.0.0/90":     "write a range of IPv4",
		"10.0.0.1/8":            "is 10.0.0.0/8 meant",
		"fd00::1/8":             "is fd00::/8 meant",
		"::ffff:10.0.0.1/104":   "is 10.0.0.0/8 meant",
		"10.0.0.0/8,192.0.2.1/": "neither an address",
	} {
		if _, err := clientaddr.ParseSet([]string{"192.0.2.1", s}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

func TestHasAllocatesNothingForProxies(t *testing.T) {
	trust, err := clientaddr.ParseSet([]string{"10.0.0.0/8", "fd00::/8", "unix"})
	if err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddr("fe80::1%eth0")
	if n := testing.AllocsPerRun(100, func() { trust.Has(a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
