package clientaddr_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"weir/gateway/clientaddr"
)

// none stands for the zero Addr in lists of addresses.
const none = "-"

func addrs(list string) (all []netip.Addr) {
	for _, s := range strings.Fields(list) {
		a, _ := netip.ParseAddr(s)
		all = append(all, a)
	}
	return all
}

func TestSet(t *testing.T) {
	for _, c := range []struct {
		list, has, hasNot string
		ranges            int
	}{
		{"", "", "10.0.0.1 ::1 " + none, 0},
		{"10.1.2.3", "10.1.2.3 ::ffff:10.1.2.3", "10.1.2.2 10.1.2.4 ::10.1.2.3 " + none, 1},
		{"10.0.0.0/8", "10.0.0.0 10.255.255.255", "11.0.0.0 9.255.255.255 a00::", 1},
		{"10.1.0.0/16 10.0.0.0/8 10.2.3.4", "10.0.0.0 10.1.2.3 10.255.255.255", "11.0.0.0", 1},
		{"10.0.0.128/25 10.0.0.0/25", "10.0.0.0 10.0.0.127 10.0.0.128 10.0.0.255", "10.0.1.0 9.255.255.255", 1},
		{"10.0.0.0/25 10.0.1.0/25", "10.0.0.127 10.0.1.0", "10.0.0.128 10.0.1.128", 2},
		{"0.0.0.0/0", "0.0.0.0 255.255.255.255", "::1 " + none, 1},
		{"::/0", "::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "192.0.2.1 ::ffff:192.0.2.1 " + none, 1},
		{"::/0 2001:db8::/32", ":: 2001:db8::1", "192.0.2.1", 1},
		{"2001:db8::/32", "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8::1%eth0", "2001:db9:: 2001:db7:ffff::", 1},
		{"2001:db8::/64 2001:db8:0:1::/64", "2001:db8:: 2001:db8:0:1::5", "2001:db8:0:2::", 1},
		{"2001:db8::8/125", "2001:db8::8 2001:db8::f", "2001:db8::7 2001:db8::10", 1},
		{"::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0", 1},
		{"unix", none, "127.0.0.1", 0},
	} {
		set, err := clientaddr.ParseSet(strings.Fields(c.list))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs(c.has) {
			if !set.Has(a) {
				t.Errorf("%q has not %v", c.list, a)
			}
		}
		for _, a := range addrs(c.hasNot) {
			if set.Has(a) {
				t.Errorf("%q has %v", c.list, a)
			}
		}
		if set.Len() != c.ranges {
			t.Errorf("%q: %d ranges, want %d", c.list, set.Len(), c.ranges)
		}
	}
}

// Random prefixes and addresses close to their ends, beside a walk over all prefixes.
func TestSetAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var prefixes []netip.Prefix
		var list []string
		for range 1 + r.IntN(40) {
			p := randomPrefix(r)
			prefixes, list = append(prefixes, p), append(list, p.String())
		}
		set, err := clientaddr.ParseSet(list)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			a := prefixes[r.IntN(len(prefixes))].Addr()
			for range r.IntN(4) {
				a = a.Next()
			}
			for range r.IntN(6) {
				a = a.Prev()
			}
			want := false
			for _, p := range prefixes {
				want = want || p.Contains(a)
			}
			if a.IsValid() && set.Has(a) != want {
				t.Fatalf("round %d: %v in %v: %v", round, a, prefixes, !want)
			}
		}
	}
}

// randomPrefix takes from few bits, so that prefixes meet.
func randomPrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(2) == 0 {
		p, _ := netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(256))}).Prefix(24 + r.IntN(9))
		return p
	}
	b := [16]byte{0: 0x20, 7: byte(r.IntN(4)), 8: byte(r.IntN(4)), 15: byte(r.IntN(256))}
	p, _ := netip.AddrFrom16(b).Prefix(56 + r.IntN(73))
	return p
}

func TestParseSetErrors(t *testing.T) {
	for s, want := range map[string]string{
		"":                    "neither an address",
		"localhost":           "neither an address",
		"10.0.0.0/33":         "neither an address",
		"10.0.0.1:80":         "neither an address",
		"fe80::1%eth0":        "leave out the zone",
		"::ffff:0.0.0.0/90":   "write a range of IPv4",
		"10.0.0.1/8":          "is 10.0.0.0/8 meant",
		"::ffff:10.0.0.1/104": "is 10.0.0.0/8 meant",
	} {
		if _, err := clientaddr.ParseSet([]string{"192.0.2.1", s}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

func TestReadSet(t *testing.T) {
	set, err := clientaddr.ReadSet("list", []byte("# head\r\n\n10.0.0.0/8 # office\n\t fd00::/8\t\r\nunix\n192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs("10.1.2.3 fd12::1 192.0.2.1 " + none) {
		if !set.Has(a) {
			t.Errorf("%v is missing", a)
		}
	}
	for text, want := range map[string]string{
		"\n# x\n10.0.0.1/8\n192.0.2.1\n\nhost\n":   "list:3: \"10.0.0.1/8\": bits|list:6: \"host\" is neither",
		"10.0.0.0/8\n" + strings.Repeat("x", 2000): "list:2: a line longer than 1024 bytes",
		strings.Repeat("x\n", 1000):                "list:10: ",
		strings.Repeat("10.0.0.1\n", 200_001):      "list:200001: more than 200000",
	} {
		_, err := clientaddr.ReadSet("list", []byte(text))
		if err == nil || strings.Contains(err.Error(), "list:11:") {
			t.Errorf("%.20q: %v", text, err)
			continue
		}
		for part := range strings.SplitSeq(want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%.20q: %v, want %s", text, err, part)
			}
		}
	}
}

// bigList has n ranges of IPv4 that do not touch.
func bigList(n int) []byte {
	var list []byte
	for i := range n {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(i)<<9)
		list = append(netip.PrefixFrom(netip.AddrFrom4(b), 24).AppendTo(list), '\n')
	}
	return list
}

func BenchmarkSet100000(b *testing.B) {
	set, err := clientaddr.ReadSet("big", bigList(100_000))
	if err != nil || set.Len() != 100_000 {
		b.Fatal(err, set.Len())
	}
	r := rand.New(rand.NewPCG(1, 2))
	var all [1024]netip.Addr
	for i := range all {
		all[i] = netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	for i := 0; b.Loop(); i++ {
		set.Has(all[i%len(all)])
	}
}

func BenchmarkReadSet100000(b *testing.B) {
	list := bigList(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := clientaddr.ReadSet("big", list); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzReadSet(f *testing.F) {
	f.Add("10.0.0.0/8\n# x\nfd00::/8 # y\nunix")
	f.Add("::/0\r\n0.0.0.0/0\n::ffff:1.2.3.4/128")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := clientaddr.ReadSet("list", []byte(text))
		if err != nil {
			return
		}
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(line, "#")
			p, err := netip.ParsePrefix(strings.TrimSpace(line))
			if err == nil && !set.Has(p.Addr()) {
				t.Errorf("%q lacks %v", text, p)
			}
		}
	})
}
