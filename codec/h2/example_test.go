package h2_test

import (
	"fmt"

	"weir/codec/h2"
)

// A client asks for a WebSocket on stream 1 and sends a frame; the server reads that as it arrives, in two pieces.
func Example() {
	ours := h2.DefaultSettings()
	out := h2.AppendPreface(nil, ours)
	out = h2.NewEncoder().AppendConnect(out, 1, "http", []byte("chat.example"), []byte("/room"), nil)
	out = h2.AppendDataHeader(out, 1, 7, false)
	out = append(out, "\x81\x05hello"...)

	reader := h2.NewReader(h2.Server, ours, h2.DefaultLimits())
	for _, b := range [][]byte{out[:len(out)-5], out[len(out)-5:]} {
		for len(b) > 0 {
			ev, used := reader.Next(b)
			b = b[used:]
			switch ev.Kind {
			case h2.Headers:
				head := reader.Head()
				fmt.Printf("%s %s on stream %d\n", head.Protocol, head.Path, ev.Stream)
			case h2.Data:
				fmt.Printf("%q of %d bytes on stream %d\n", ev.Payload, ev.N, ev.Stream)
			}
		}
	}
	// Output:
	// websocket /room on stream 1
	// "\x81\x05" of 2 bytes on stream 1
	// "hello" of 5 bytes on stream 1
}
