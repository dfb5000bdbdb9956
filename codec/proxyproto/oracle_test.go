package proxyproto_test

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"testing"

	oracle "github.com/pires/go-proxyproto"

	"weir/codec/proxyproto"
)

// theirs is what another implementation reads.
func theirs(b []byte) (h proxyproto.Header, n int, err error) {
	r := bufio.NewReaderSize(bytes.NewReader(b), len(b)+16)
	read, err := oracle.Read(r)
	if err != nil {
		return h, 0, err
	}
	n = len(b) - r.Buffered()
	from, tcp := read.SourceAddr.(*net.TCPAddr)
	if !tcp || read.Command == oracle.LOCAL {
		return proxyproto.Header{Local: true}, n, nil
	}
	to := read.DestinationAddr.(*net.TCPAddr)
	return proxyproto.Header{Source: plain(from), Destination: plain(to)}, n, nil
}

func plain(a *net.TCPAddr) netip.AddrPort {
	at := a.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// What we take they take, and understand the same; we refuse more.
func agree(t *testing.T, b []byte) {
	t.Helper()
	h, n, fault := proxyproto.Parse(b)
	if n == 0 {
		return
	}
	if len(b) > 13 && b[0] == '\r' && b[12] == 0x21 && b[13] == 0 {
		return // they refuse an unspecified family, about which the spec leaves the choice
	}
	want, m, err := theirs(b)
	if fault != nil || err != nil || n != m || h != want {
		t.Fatalf("%q:\nours   %+v n=%d %v\ntheirs %+v n=%d %v", b, h, n, fault, want, m, err)
	}
}

func TestAgree(t *testing.T) {
	for _, c := range good {
		agree(t, []byte(c.header+"more"))
	}
	for _, c := range bad {
		if _, _, err := theirs([]byte(c.header)); err == nil && c.name != "v1 UNKNOWN, bare CR" && // the rest do not look at TLVs
			c.name[:2] == "v1" {
			t.Errorf("%s: they take it", c.name)
		}
	}
}

// Whatever the bytes: no panic, the same outcome once it is known, agreement with others, and a header that we write
// again says the same.
func FuzzParse(f *testing.F) {
	for _, c := range good {
		f.Add([]byte(c.header + "more"))
	}
	for _, c := range bad {
		f.Add([]byte(c.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, fault := proxyproto.Parse(b)
		if n < 0 || n > len(b) || n > proxyproto.MaxHeader || n > 0 && fault != nil || len(b) >= proxyproto.MaxHeader && n == 0 && fault == nil {
			t.Fatalf("n=%d of %d, %v", n, len(b), fault)
		}
		agree(t, b)
		known := false
		for end := range len(b) + 1 {
			g, m, err := proxyproto.Parse(b[:end])
			if known = known || m > 0 || err != nil; known && (g != h || m != n || err != fault) {
				t.Fatalf("%d bytes of %q: %+v n=%d %v; whole: %+v n=%d %v", end, b, g, m, err, h, n, fault)
			}
		}
		for version := 1; n > 0 && version <= 2; version++ {
			out := proxyproto.Append(nil, version, h.Source, h.Destination)
			if again, m, err := proxyproto.Parse(out); m != len(out) || err != nil || again != h {
				t.Fatalf("%+v became %q: %+v %v", h, out, again, err)
			}
			agree(t, out)
		}
	})
}
