package proxyproto_test

import (
	"fmt"
	"net/netip"

	"weir/codec/proxyproto"
)

func ExampleParse() {
	arrived := []byte("PROXY TCP4 192.0.2.1 198.51.100.2 56250 443\r\nGET / HTTP/1.1\r\n")
	for end := range arrived {
		h, n, err := proxyproto.Parse(arrived[:end])
		if err != nil {
			fmt.Println(err)
			return
		}
		if n > 0 {
			fmt.Printf("%v, and %q behind it\n", h.Source, arrived[n:])
			return
		}
	}
	// Output: 192.0.2.1:56250, and "GET / HTTP/1.1\r\n" behind it
}

func ExampleAppend() {
	client, server := netip.MustParseAddrPort("192.0.2.1:56250"), netip.MustParseAddrPort("198.51.100.2:443")
	fmt.Printf("%s", proxyproto.Append(nil, 1, client, server))
	// Output: PROXY TCP4 192.0.2.1 198.51.100.2 56250 443
}
