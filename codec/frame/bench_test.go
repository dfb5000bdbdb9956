package frame_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// hot is what a loop does all day: the slices one Scanner is given, over and over.
type hot struct {
	name   string
	set    setup
	pieces [][]byte
	frames int
}

func hotPaths() []hot {
	small, big := masked(0x82, strings.Repeat("x", 125)), masked(0x82, strings.Repeat("x", 65536-14))
	text := masked(0x81, strings.Repeat("größer ", 12))
	var cut [][]byte
	for i := 0; i < len(big); i += 16384 {
		cut = append(cut, big[i:min(i+16384, len(big))])
	}
	many := bytes.Repeat(small, 32)
	limits := setup{rules: frame.Rules{Masked: true, MaxFrame: 1 << 20, MaxMessage: 1 << 20}}
	valid := setup{rules: frame.Rules{Masked: true, ValidateUTF8: true}}
	return []hot{
		{"1x125", client, [][]byte{small}, 1},
		{"32x125", client, [][]byte{many}, 32},
		{"32x125-limits", limits, [][]byte{many}, 32},
		{"32x125-backend", backend, [][]byte{bytes.Repeat(raw(0x82, strings.Repeat("x", 125)), 32)}, 32},
		{"32x125-split-header", client, [][]byte{many[:3], many[3:]}, 32},
		{"64KiB-by-16KiB", client, cut, 1},
		{"32-fragments", client, [][]byte{join(masked(0x02, "x"), bytes.Repeat(masked(0x00, "x"), 30), masked(0x80, "x"))}, 32},
		{"32-texts-validated", valid, [][]byte{bytes.Repeat(text, 32)}, 32},
	}
}

func BenchmarkScan(b *testing.B) {
	for _, h := range hotPaths() {
		b.Run(h.name, func(b *testing.B) {
			var s frame.Scanner
			var c frame.Counts
			b.ReportAllocs()
			for b.Loop() {
				for _, piece := range h.pieces {
					if _, _, ev := s.Scan(piece, &h.set.rules, &c); ev != frame.None {
						b.Fatal(s.Err())
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*h.frames), "ns/frame")
		})
	}
}

func TestNoAllocations(t *testing.T) {
	check := func(name string, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for _, h := range hotPaths() {
		var s frame.Scanner
		var c frame.Counts
		check(h.name, func() {
			for _, piece := range h.pieces {
				s.Scan(piece, &h.set.rules, &c)
				s.Held()
			}
		})
		if s.Err() != nil {
			t.Errorf("%s: %v", h.name, s.Err())
		}
	}
	pong := masked(0x8a, "12345678")
	check("pong", func() {
		var s frame.Scanner
		s.ExpectPong(true)
		if _, _, ev := s.Scan(pong, &client.rules, &frame.Counts{}); ev != frame.Pong || s.PongPayload() != [8]byte(pongText) {
			t.Fatal(ev)
		}
	})
	buf, payload := make([]byte, 0, 200), make([]byte, 100)
	check("append", func() {
		k := key
		frame.AppendFrame(buf, ws.OpBinary, payload, &k)
		frame.AppendPing(buf, payload, &k)
		frame.AppendClose(buf, 1001, "draining", &k)
	})
}

var pongText = []byte("12345678")

// maskWords is the word-wise masking that Mask would be without ws.Cipher.
func maskWords(b []byte, key [4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
	}
	for i := range b {
		b[i] ^= key[i%4]
	}
}

func BenchmarkMask(b *testing.B) {
	for _, size := range []int{8, 125, 1024, 65536} {
		p := make([]byte, size)
		for name, f := range map[string]func(){
			"cipher": func() { frame.Mask(p, key, 0) },
			"words":  func() { maskWords(p, key) },
		} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
	}
}
