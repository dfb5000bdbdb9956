package wire

import (
	"bytes"
	"fmt"
	"testing"
)

var vectors = []struct {
	name  string
	bytes []byte
	want  Header
}{
	{"empty text", []byte{0x81, 0}, Header{Fin: true, Opcode: Text}},
	{"first fragment", []byte{0x02, 5}, Header{Opcode: Binary, Length: 5}},
	{"masked ping", []byte{0x89, 0x82, 1, 2, 3, 4}, Header{Fin: true, Opcode: Ping, Masked: true, Mask: [4]byte{1, 2, 3, 4}, Length: 2}},
	{"16-bit length", []byte{0x82, 126, 1, 0}, Header{Fin: true, Opcode: Binary, Length: 256}},
	{"64-bit length", []byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, Header{Fin: true, Opcode: Binary, Length: 65536}},
	{"masked, 64-bit", []byte{0x80, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 9, 8, 7, 6},
		Header{Fin: true, Masked: true, Mask: [4]byte{9, 8, 7, 6}, Length: 65537}},
}

func TestHeaderRoundTripAndPrefixes(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			h, n, err := ParseHeader(v.bytes)
			if err != nil || n != len(v.bytes) || h != v.want {
				t.Fatalf("ParseHeader = %+v, %d, %v; want %+v", h, n, err, v.want)
			}
			if got := AppendHeader(nil, h); !bytes.Equal(got, v.bytes) {
				t.Errorf("AppendHeader = % x, want % x", got, v.bytes)
			}
			for i := range v.bytes {
				if _, n, err := ParseHeader(v.bytes[:i]); n != 0 || err != nil {
					t.Errorf("prefix of %d: n = %d, err = %v; want more to be asked for", i, n, err)
				}
			}
		})
	}
}

func TestHeaderMalformed(t *testing.T) {
	for name, b := range map[string][]byte{
		"reserved bit":       {0xc1, 0},
		"unknown data":       {0x83, 0},
		"unknown control":    {0x8b, 0},
		"fragmented control": {0x09, 0},
		"long control":       {0x89, 126, 0, 126},
		"negative length":    {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, _, err := ParseHeader(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// scan gives the bytes in two parts and writes down what came out, pieces of a frame joined.
func scan(t *testing.T, parts ...[]byte) string {
	t.Helper()
	var s Scanner
	var out bytes.Buffer
	for _, b := range parts {
		for len(b) > 0 {
			p, n, ok, err := s.Next(b)
			if err != nil {
				t.Fatal(err)
			}
			b = b[n:]
			if !ok {
				continue
			}
			if p.First {
				fmt.Fprintf(&out, "[%+v", p.Header)
			}
			out.Write(p.Data)
			if p.Last {
				out.WriteByte(']')
			}
		}
	}
	return out.String()
}

func TestScannerSplits(t *testing.T) {
	var stream []byte
	for i, v := range vectors {
		h := v.want
		h.Length = int64(i * 30)
		stream = append(AppendHeader(stream, h), bytes.Repeat([]byte{byte('a' + i)}, i*30)...)
	}
	whole := scan(t, stream)
	for i := range stream {
		if got := scan(t, stream[:i], stream[i:]); got != whole {
			t.Fatalf("split at %d:\n%s\nwant\n%s", i, got, whole)
		}
	}
	single := make([][]byte, len(stream))
	for i := range stream {
		single[i] = stream[i : i+1]
	}
	if got := scan(t, single...); got != whole {
		t.Fatalf("byte by byte:\n%s\nwant\n%s", got, whole)
	}
}

func FuzzScanner(f *testing.F) {
	for _, v := range vectors {
		f.Add(append(v.bytes[:len(v.bytes):len(v.bytes)], "payload of it"...), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		run := func(step int) (frames, payload int, failed bool) {
			var s Scanner
			for rest := b; len(rest) > 0; {
				part := rest[:min(step, len(rest))]
				rest = rest[len(part):]
				for len(part) > 0 {
					p, n, ok, err := s.Next(part)
					if err != nil {
						return frames, payload, true
					}
					if n == 0 {
						t.Fatal("no progress")
					}
					part = part[n:]
					payload += len(p.Data)
					if ok && p.Last {
						frames++
					}
				}
			}
			return frames, payload, false
		}
		f1, p1, e1 := run(len(b) + 1)
		f2, p2, e2 := run(int(step)%16 + 1)
		if f1 != f2 || p1 != p2 || e1 != e2 {
			t.Fatalf("whole: %d frames, %d bytes, failed %t; split: %d, %d, %t", f1, p1, e1, f2, p2, e2)
		}
	})
}

func TestScannerAllocatesNothing(t *testing.T) {
	var s Scanner
	b := append(AppendHeader(nil, Header{Fin: true, Opcode: Binary, Masked: true, Length: 125}), make([]byte, 125)...)
	if n := testing.AllocsPerRun(100, func() {
		for rest := b; len(rest) > 0; {
			p, n, _, err := s.Next(rest)
			if err != nil {
				t.Fatal(err)
			}
			Mask(p.Data, p.Mask, p.Offset)
			rest = rest[n:]
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkScanner(b *testing.B) {
	stream := bytes.Repeat(append(AppendHeader(nil, Header{Fin: true, Opcode: Binary, Masked: true, Length: 125}), make([]byte, 125)...), 32)
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	var s Scanner
	for b.Loop() {
		for rest := stream; len(rest) > 0; {
			_, n, _, err := s.Next(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
	}
}
