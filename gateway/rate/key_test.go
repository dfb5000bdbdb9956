package rate_test

import (
	"net/netip"
	"testing"

	"weir/gateway/rate"
)

func TestIPKey(t *testing.T) {
	for _, c := range []struct {
		a, b string
		bits int
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", 64, true},
		{"192.0.2.1", "192.0.2.2", 64, false},
		{"192.0.2.1", "::ffff:192.0.2.1", 64, true},
		{"192.0.2.1", "::192.0.2.1", 128, false},
		{"2001:db8::1", "2001:db8::ffff:2", 64, true},
		{"2001:db8::1", "2001:db8:0:1::1", 64, false},
		{"2001:db8::1", "2001:db8:0:1::1", 56, true},
		{"2001:db8::1", "2001:db8::2", 128, false},
		{"2001:db8::1", "2001:db8::2", 1000, false},
		{"2001:db8::1", "3fff::2", -3, true}, // as one bit
		{"fe80::1%eth0", "fe80::1%eth1", 128, true},
		{"-", "-", 64, true},
		{"-", "::1", 64, false},
		{"-", "0.0.0.0", 64, false},
	} {
		a, _ := netip.ParseAddr(c.a) // -: the zero Addr
		b, _ := netip.ParseAddr(c.b)
		if got := rate.IPKey(a, c.bits) == rate.IPKey(b, c.bits); got != c.same {
			t.Errorf("%s and %s by %d bits: %v", c.a, c.b, c.bits, got)
		}
	}
}

func TestStringKey(t *testing.T) {
	seen := map[rate.Key]string{}
	for _, s := range []string{"", "a", "b", "ab", "ba", "a\x00", "\x00a", "auth0|1", "auth0|11"} {
		k := rate.StringKey(s)
		if k != rate.StringKey(s) {
			t.Errorf("%q has two keys", s)
		}
		if other, known := seen[k]; known {
			t.Errorf("%q and %q share a key", s, other)
		}
		seen[k] = s
		if [8]byte(k[:8]) == [8]byte(k[8:]) {
			t.Errorf("%q: half of its key says nothing new", s)
		}
	}
}

func BenchmarkStringKey(b *testing.B) {
	for b.Loop() {
		rate.StringKey("auth0|5f7c8ec7c33c6c004bbafe82")
	}
}
