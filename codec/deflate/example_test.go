package deflate_test

import (
	"fmt"
	"strings"

	"weir/codec/deflate"
)

func Example() {
	offers, err := deflate.ParseOffers(nil, []byte("permessage-deflate; server_max_window_bits=12; client_max_window_bits"))
	if err != nil {
		panic(err) // answer 400
	}
	params, ok := deflate.Accept(offers, deflate.Options{})
	fmt.Println(ok, string(deflate.AppendResponse(nil, params)))

	// One of each for a loop.
	deflater, _ := deflate.NewDeflater(1)
	inflater := deflate.NewInflater()

	message := strings.Repeat("All work and no play. ", 40)
	payload := deflater.Append(nil, []byte(message), params.ServerWindowBits, false)
	fmt.Println(len(message), "bytes became", len(payload))

	back, err := inflater.Append(nil, payload, 1024)
	fmt.Println(string(back) == message, err)
	_, err = inflater.Append(nil, payload, 512)
	fmt.Println(err)
	// Output:
	// true permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12
	// 880 bytes became 32
	// true <nil>
	// a message is larger than the limit once it is inflated (RFC 6455 section 10.4)
}
