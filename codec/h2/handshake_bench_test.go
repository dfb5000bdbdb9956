package h2_test

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/net/http2/hpack"

	"weir/codec/h2"
	"weir/codec/http1"
)

const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36"

// browser is what is forwarded of a browser's handshake: its fields first, then those of the gateway.
func browser(user int) []http1.Field {
	addr := fmt.Sprintf("192.0.2.%d", user%256)
	return fields("Pragma", "no-cache", "Cache-Control", "no-cache", "User-Agent", fmt.Sprintf(agent, 120+user%16),
		"Origin", "https://chat.example", "Accept-Encoding", "gzip, deflate, br, zstd", "Accept-Language", "en-GB,en;q=0.9",
		"Cookie", fmt.Sprintf("sid=0123456789abcdef%016d; theme=dark", user), "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits",
		"x-forwarded-for", addr, "x-real-ip", addr, "x-forwarded-proto", "https", "x-forwarded-host", "chat.example")
}

// users are the handshakes of the benchmarks: one over and over, one browser with many cookies, and many browsers.
func users() map[string][][]http1.Field {
	same, cookies, browsers := [][]http1.Field{browser(0)}, make([][]http1.Field, 64), make([][]http1.Field, 64)
	for i := range cookies {
		cookies[i], browsers[i] = browser(16*i), browser(i)
	}
	return map[string][][]http1.Field{"same": same, "cookies": cookies, "browsers": browsers}
}

func BenchmarkAppendConnect(b *testing.B) {
	out, authority, path := make([]byte, 0, 4096), []byte("chat.example"), []byte("/room/42?token=abcdef")
	for name, asks := range users() {
		b.Run(name, func(b *testing.B) {
			e := h2.NewEncoder()
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				out = e.AppendConnect(out[:0], 1, "http", authority, path, asks[i])
				if i++; i == len(asks) {
					i = 0
				}
			}
			b.ReportMetric(float64(len(out)), "bytes")
		})
	}
}

// answer is a response's frame that comes again, and what comes before all.
type answer struct{ first, again []byte }

// answers are those of servers which leave all fields out of the table, or enter them, or have one that differs from
// response to response.
func answers() map[string]answer {
	list := []string{"sec-websocket-protocol", "chat", "server", "x", "date", "Sun, 06 Nov 1994 08:49:37 GMT"}
	var out bytes.Buffer
	e := hpack.NewEncoder(&out)
	frame := func(secret bool, id string) []byte {
		out.Reset()
		_ = e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
		for i := 0; i < len(list); i += 2 {
			_ = e.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1], Sensitive: secret})
		}
		if id != "" {
			_ = e.WriteField(hpack.HeaderField{Name: "x-request-id", Value: id, Sensitive: true})
		}
		return raw(h2.TypeHeaders, h2.FlagEndHeaders, 1, out.String())
	}
	literals, indexed := frame(true, ""), frame(false, "")
	return map[string]answer{
		"literals":   {literals, literals},
		"indexed":    {indexed, frame(false, "")},
		"two-differ": {indexed, join(frame(false, "a"), frame(false, "b"))},
	}
}

func BenchmarkReadResponse(b *testing.B) {
	for name, answer := range answers() {
		b.Run(name, func(b *testing.B) {
			r := begun(b, h2.Client)
			drain(b, r, answer.first)
			b.ReportAllocs()
			for b.Loop() {
				drain(b, r, answer.again)
			}
		})
	}
}
