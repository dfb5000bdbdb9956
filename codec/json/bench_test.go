package json_test

import (
	stdjson "encoding/json"
	"fmt"
	"strings"
	"testing"

	"weir/codec/json"
)

func BenchmarkChecker(b *testing.B) {
	feed := `{"type":"trade","items":[` + strings.Repeat(`{"id":48211,"symbol":"AAPL","price":182.5301,"qty":75,"side":"buy"},`, 15) + `{}]}`
	for _, tt := range []struct{ name, text string }{
		{"125 B feed", `{"type":"trade","id":48211,"symbol":"AAPL","price":182.5301,"qty":75,"side":"buy","user":"u00a1c3","ts":1700000000000,"ok":true}`},
		{"1 KiB feed", feed},
		{"1 KiB chat", fmt.Sprintf(`{"user":"weir","text":%q}`, strings.Repeat("The quick brown fox jumps over it. ", 30))},
		{"16 KiB string", `"` + strings.Repeat("0123456789abcdef", 1024) + `"`},
		{"16 KiB digits", "[" + strings.Repeat("12345678,", 1800) + "1]"},
		{"16 KiB brackets", "[" + strings.Repeat("[],", 5400) + "1]"},
	} {
		text := []byte(tt.text)
		b.Run(tt.name, func(b *testing.B) {
			var c json.Checker
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				c.Reset()
				if c.Write(text) != nil || c.Close() != nil {
					b.Fatal("not taken")
				}
			}
		})
		b.Run(tt.name+", encoding/json", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				stdjson.Valid(text)
			}
		})
	}
}
