package proxyproto_test

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"

	"weir/codec/proxyproto"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

// v2 makes a header whose length is right.
func v2(command, family byte, body string) string {
	return string(binary.BigEndian.AppendUint16(append([]byte(signature), command, family), uint16(len(body)))) + body
}

// summed puts the right checksum where there are four zeros behind a CRC32C TLV's head.
func summed(h string) string {
	b := []byte(h)
	at := strings.Index(h, "\x03\x00\x04\x00\x00\x00\x00") + 3
	binary.BigEndian.PutUint32(b[at:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return string(b)
}

const (
	four    = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdb\xba\x01\xbb" // 192.0.2.1:56250 to 198.51.100.2:443
	noop    = "\x04\x00\x02ab"
	crc     = "\x03\x00\x04\x00\x00\x00\x00"
	address = "192.0.2.1:56250 198.51.100.2:443"
	local   = "local"
)

var six = "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + strings.Repeat("\x00", 10) + "\xff\xff\xc6\x33\x64\x02" + "\xdb\xba\x01\xbb"

var good = []struct{ name, header, want string }{
	{"v1 TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 56250 443\r\n", address},
	{"v1 TCP4, longest", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535 255.255.255.255:65535"},
	{"v1 TCP4, shortest", "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0 0.0.0.0:0"},
	{"v1 TCP6", "PROXY TCP6 2001:DB8::1 ::ffff:198.51.100.2 56250 443\r\n", "[2001:db8::1]:56250 198.51.100.2:443"},
	{"v1 UNKNOWN", "PROXY UNKNOWN\r\n", local},
	{"v1 UNKNOWN, longest", "PROXY UNKNOWN " + strings.Repeat("f", 91) + "\r\n", local},
	{"v1 UNKNOWN, anything", "PROXY UNKNOWN \x00 \xff  x\r\n", local},
	{"v2 TCP4", v2(0x21, 0x11, four), address},
	{"v2 TCP6", v2(0x21, 0x21, six), "[2001:db8::1]:56250 198.51.100.2:443"},
	{"v2 TLVs", v2(0x21, 0x11, four+noop+"\xea\x00\x00"+noop), address},
	{"v2 checksum", summed(v2(0x21, 0x11, four+noop+crc+noop)), address},
	{"v2 longest", v2(0x21, 0x11, four+"\x04\x0f\xf1"+strings.Repeat("x", 4096-12-3)), address},
	{"v2 LOCAL", v2(0x20, 0x00, ""), local},
	{"v2 LOCAL, anything", v2(0x20, 0x21, "anything"), local},
	{"v2 UNSPEC", v2(0x21, 0x00, "anything"), local},
	{"v2 UDP4", v2(0x21, 0x12, four), local},
	{"v2 UDP6", v2(0x21, 0x22, six), local},
	{"v2 unix", v2(0x21, 0x31, strings.Repeat("/", 216)), local},
}

var bad = []struct {
	name, header string
	at           int // the byte that is wrong
	reason       string
}{
	{"TLS hello", "\x16\x03\x01", 0, "proxy_header_missing"},
	{"request", "GET / HTTP/1.1\r\n", 0, "proxy_header_missing"},
	{"a request's method", "PROPFIND / HTTP/1.1\r\n", 3, "proxy_header_missing"},
	{"lower case", "proxy TCP4 ", 0, "proxy_header_missing"},
	{"empty lines", "\r\n\r\nGET", 4, "proxy_header_missing"},
	{"v2 signature", "\r\n\r\n\x00\r\nQUIt\n", 10, "proxy_header_missing"},

	{"v1 without a family", "PROXY \r\n", 6, "proxy_header_malformed"},
	{"v1 family", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", 7, "proxy_header_malformed"},
	{"v1 family, longer", "PROXY UNKNOWNS\r\n", 13, "proxy_header_malformed"},
	{"v1 TCP4 alone", "PROXY TCP4\r\n", 10, "proxy_header_malformed"},
	{"v1 two spaces", "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", 11, "proxy_header_malformed"},
	{"v1 IPv6 for IPv4", "PROXY TCP4 2001:db8::1", 15, "proxy_header_malformed"},
	{"v1 IPv4 for IPv6", "PROXY TCP6 192.0.2.1 ::1 1 2\r\n", 20, "proxy_header_malformed"},
	{"v1 name", "PROXY TCP4 localhost", 11, "proxy_header_malformed"},
	{"v1 octet", "PROXY TCP4 192.0.2.256 ", 22, "proxy_header_malformed"},
	{"v1 octet with zeros", "PROXY TCP4 192.0.2.01 ", 21, "proxy_header_malformed"},
	{"v1 zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", 18, "proxy_header_malformed"},
	{"v1 one address", "PROXY TCP4 192.0.2.1\r\n", 20, "proxy_header_malformed"},
	{"v1 one port", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", 35, "proxy_header_malformed"},
	{"v1 signed port", "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n", 34, "proxy_header_malformed"},
	{"v1 port with zeros", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", 36, "proxy_header_malformed"},
	{"v1 large port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", 41, "proxy_header_malformed"},
	{"v1 no second port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n", 36, "proxy_header_malformed"},
	{"v1 third port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", 37, "proxy_header_malformed"},
	{"v1 bare LF", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", 37, "proxy_header_malformed"},
	{"v1 bare CR", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r.", 38, "proxy_header_malformed"},
	{"v1 UNKNOWN, bare LF", "PROXY UNKNOWN a\n\r\n", 15, "proxy_header_malformed"},
	{"v1 UNKNOWN, bare CR", "PROXY UNKNOWN a\r\r\n", 16, "proxy_header_malformed"},
	{"v1 too long by one", "PROXY UNKNOWN " + strings.Repeat("f", 92) + "\r\n", 105, "proxy_header_too_long"},
	{"v1 without end", "PROXY UNKNOWN " + strings.Repeat("f", 5000), 105, "proxy_header_too_long"},
	{"v1 malformed before it is too long", "PROXY " + strings.Repeat("f", 101), 6, "proxy_header_malformed"},

	{"v2 version", signature + "\x11", 12, "proxy_header_malformed"},
	{"v2 command", signature + "\x22", 12, "proxy_header_malformed"},
	{"v2 family", signature + "\x21\x41", 13, "proxy_header_malformed"},
	{"v2 transport", signature + "\x21\x13", 13, "proxy_header_malformed"},
	{"v2 family of LOCAL", signature + "\x20\x01", 13, "proxy_header_malformed"},
	{"v2 short IPv4", v2(0x21, 0x11, four[1:]), 15, "proxy_header_malformed"},
	{"v2 short IPv6", v2(0x21, 0x21, six[1:]), 15, "proxy_header_malformed"},
	{"v2 short unix", v2(0x21, 0x31, strings.Repeat("/", 215)), 15, "proxy_header_malformed"},
	{"v2 too long by one", signature + "\x21\x11\x10\x01", 15, "proxy_header_too_long"},
	{"v2 LOCAL too long", signature + "\x20\x00\xff\xff", 15, "proxy_header_too_long"},
	{"v2 half a TLV's head", v2(0x21, 0x11, four+"\x04\x00"), 29, "proxy_header_malformed"},
	{"v2 TLV beyond the header", v2(0x21, 0x11, four+"\x04\x00\x02a"), 31, "proxy_header_malformed"},
	{"v2 wrong checksum", v2(0x21, 0x11, four+crc), 34, "proxy_header_malformed"},
	{"v2 short checksum", v2(0x21, 0x11, four+"\x03\x00\x03abc"), 33, "proxy_header_malformed"},
	{"v2 checksum of another header", strings.Replace(summed(v2(0x21, 0x11, four+crc)), "\xc0", "\xc1", 1), 34, "proxy_header_malformed"},
}

func show(h proxyproto.Header) string {
	if h.Local {
		return local
	}
	return h.Source.String() + " " + h.Destination.String()
}

// Every prefix of a header asks for more, and what comes behind the header changes nothing.
func TestParse(t *testing.T) {
	for _, c := range good {
		t.Run(c.name, func(t *testing.T) {
			for end := range c.header {
				if h, n, err := proxyproto.Parse([]byte(c.header[:end])); n != 0 || err != nil || h != (proxyproto.Header{}) {
					t.Fatalf("%d bytes: %+v n=%d %v", end, h, n, err)
				}
			}
			for _, behind := range []string{"", "\r", "\n", "GET / HTTP/1.1\r\n", c.header} {
				h, n, err := proxyproto.Parse([]byte(c.header + behind))
				if err != nil || n != len(c.header) || show(h) != c.want {
					t.Errorf("before %q: %s n=%d %v, want %s", behind, show(h), n, err, c.want)
				}
			}
		})
	}
}

// A fault is found with the byte that makes it, and with every byte more it stays the same.
func TestParseFaults(t *testing.T) {
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			for end := range len(c.header) + 1 {
				h, n, err := proxyproto.Parse([]byte(c.header[:end]))
				if n != 0 || h != (proxyproto.Header{}) {
					t.Fatalf("%d bytes: taken as %+v", end, h)
				}
				if wrong := end > c.at; (err != nil) != wrong || wrong && err.Reason != c.reason {
					t.Fatalf("%d bytes: %v, want %s from byte %d on", end, err, c.reason, c.at)
				}
			}
		})
	}
}

func TestAppend(t *testing.T) {
	at := func(s string) (a netip.AddrPort) {
		if s != "" {
			a = netip.MustParseAddrPort(s)
		}
		return a
	}
	for _, c := range []struct{ name, source, destination, v1, want string }{
		{"IPv4", "192.0.2.1:56250", "198.51.100.2:443", "TCP4 192.0.2.1 198.51.100.2 56250 443", address},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:56250", "198.51.100.2:443", "TCP4 192.0.2.1 198.51.100.2 56250 443", address},
		{"IPv6", "[2001:db8::1]:1", "[2001:db8::2]:2", "TCP6 2001:db8::1 2001:db8::2 1 2", "[2001:db8::1]:1 [2001:db8::2]:2"},
		{"zones", "[fe80::1%eth0]:1", "[fe80::2%eth0]:2", "TCP6 fe80::1 fe80::2 1 2", "[fe80::1]:1 [fe80::2]:2"},
		{"IPv4 to IPv6", "192.0.2.1:1", "[2001:db8::2]:2", "TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2", "192.0.2.1:1 [2001:db8::2]:2"},
		{"IPv6 to IPv4", "[2001:db8::1]:1", "198.51.100.2:2", "TCP6 2001:db8::1 ::ffff:198.51.100.2 1 2", "[2001:db8::1]:1 198.51.100.2:2"},
		{"to nobody knows", "192.0.2.1:1", "", "TCP4 192.0.2.1 0.0.0.0 1 0", "192.0.2.1:1 0.0.0.0:0"},
		{"IPv6 to nobody knows", "[2001:db8::1]:1", "", "TCP6 2001:db8::1 :: 1 0", "[2001:db8::1]:1 [::]:0"},
		{"from nobody knows", "", "198.51.100.2:2", "UNKNOWN", local},
	} {
		t.Run(c.name, func(t *testing.T) {
			for version := 1; version <= 2; version++ {
				out := proxyproto.Append([]byte("before "), version, at(c.source), at(c.destination))
				header := strings.TrimPrefix(string(out), "before ")
				if len(header) == len(out) || version == 1 && header != "PROXY "+c.v1+"\r\n" {
					t.Errorf("version %d: %q", version, out)
				}
				h, n, err := proxyproto.Parse([]byte(header))
				if n != len(header) || err != nil || show(h) != c.want {
					t.Errorf("version %d: %s n=%d %v", version, show(h), n, err)
				}
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	from, to := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[2001:db8::2]:2")
	out := make([]byte, 0, 128)
	for version, most := range map[int]float64{1: 1, 2: 0} { // one for the line as a string
		if n := testing.AllocsPerRun(100, func() {
			out = proxyproto.Append(out[:0], version, from, to)
			if _, n, _ := proxyproto.Parse(out); n == 0 {
				t.Fatal("refused")
			}
		}); n > most {
			t.Errorf("version %d: %v allocations", version, n)
		}
	}
}
