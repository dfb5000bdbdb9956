package deflate_test

import (
	"fmt"
	"testing"

	"weir/codec/deflate"
)

func TestAllocations(t *testing.T) {
	d, in := newDeflater(t, 1), deflate.NewInflater()
	for _, size := range []int{0, 125, 1024, 16 << 10} {
		m := sample(size)
		for _, bits := range []uint8{0, 9} {
			p, out := make([]byte, 0, 2*size+64), make([]byte, 0, size+1)
			if n := testing.AllocsPerRun(50, func() { p = d.Append(p[:0], m, bits, false) }); n != 0 {
				t.Errorf("Deflater: %v allocations for %d bytes, window %d", n, size, bits)
			}
			if n := testing.AllocsPerRun(50, func() { out, _ = in.Append(out[:0], p, size) }); n != 0 {
				t.Errorf("Inflater: %v allocations for %d bytes, window %d", n, size, bits)
			}
		}
	}
	offers := make([]deflate.Offer, 0, deflate.MaxOffers)
	value, answer := []byte("permessage-deflate; server_max_window_bits=12; client_max_window_bits"), make([]byte, 0, 200)
	if n := testing.AllocsPerRun(50, func() {
		offers, _ = deflate.ParseOffers(offers[:0], value)
		p, _ := deflate.Accept(offers, deflate.Options{})
		answer = deflate.AppendResponse(answer[:0], p)
	}); n != 0 {
		t.Errorf("a negotiation: %v allocations", n)
	}
}

var benchSizes = []int{125, 256, 1024, 16 << 10}

func BenchmarkDeflate(b *testing.B) {
	for _, size := range benchSizes {
		for level := 1; level <= deflate.MaxLevel; level++ {
			b.Run(fmt.Sprintf("%d/level%d", size, level), func(b *testing.B) { benchmarkDeflate(b, size, level, 0) })
		}
		b.Run(fmt.Sprintf("%d/window9", size), func(b *testing.B) { benchmarkDeflate(b, size, 1, 9) })
	}
}

func benchmarkDeflate(b *testing.B, size, level int, bits uint8) {
	d, m := newDeflater(b, level), sample(size)
	p := d.Append(nil, m, bits, false)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		p = d.Append(p[:0], m, bits, false)
	}
	b.ReportMetric(float64(len(p))/float64(size), "ratio")
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := newDeflater(b, 1).Append(nil, sample(size), 0, false)
			benchmarkInflate(b, p, size)
		})
	}
}

// BenchmarkHostile is the work that payload can ask for where it yields nothing; its bytes are the payload's.
func BenchmarkHostile(b *testing.B) {
	for _, tt := range []struct {
		name  string
		block []byte
	}{
		{"final blocks", unhex("0300")},
		{"stored blocks", unhex("000000ffff")},
		{"code tables", codeTables()},
	} {
		b.Run(tt.name, func(b *testing.B) {
			var p []byte
			for len(p) < 64<<10 {
				p = append(p, tt.block...)
			}
			benchmarkInflate(b, append(p, 0), 1<<20)
		})
	}
}

// codeTables are eight of the shortest dynamic blocks, 90 bits each, that hold nothing but their end.
func codeTables() []byte {
	var all []byte
	n := 0
	put := func(v, bits int) {
		for i := range bits {
			if n++; n > 8*len(all) {
				all = append(all, 0)
			}
			all[(n-1)/8] |= byte(v>>i&1) << ((n - 1) % 8)
		}
	}
	for range 8 {
		put(0, 1) // not final
		put(2, 2) // dynamic
		put(0, 5) // 257 literals
		put(0, 5) // one distance
		put(14, 4)
		for i := range 18 { // lengths of the lengths' codes: 1 for the symbols 18 and 1, which come third and 18th
			put(map[int]int{2: 1, 17: 1}[i], 3)
		}
		put(1, 1) // symbol 18: 138 zeros
		put(127, 7)
		put(1, 1) // and 118
		put(107, 7)
		put(0, 1) // symbol 1: the end of the block, and the distance
		put(0, 1)
		put(0, 1) // the end
	}
	return all
}

func benchmarkInflate(b *testing.B, payload []byte, limit int) {
	in := deflate.NewInflater()
	out, err := in.Append(nil, payload, limit)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(max(len(out), len(payload))))
	b.ReportAllocs()
	for b.Loop() {
		out, _ = in.Append(out[:0], payload, limit)
	}
}
