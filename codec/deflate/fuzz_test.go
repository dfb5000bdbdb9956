package deflate_test

import (
	"bytes"
	"testing"

	"weir/codec/deflate"
)

func FuzzInflate(f *testing.F) {
	for _, v := range vectors {
		f.Add(unhex(v.payload), uint16(1000))
	}
	in := deflate.NewInflater()
	f.Fuzz(func(t *testing.T, payload []byte, limit uint16) {
		compareWithReference(t, in, payload, int(limit))
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(message), uint8(1), uint8(0), uint16(10))
	f.Add(sample(3000), uint8(6), uint8(9), uint16(2000))
	f.Add(noise(300), uint8(9), uint8(8), uint16(0))
	var ds [deflate.MaxLevel]*deflate.Deflater
	for i := range ds {
		ds[i] = newDeflater(f, i+1)
	}
	in := deflate.NewInflater()
	f.Fuzz(func(t *testing.T, m []byte, level, bits uint8, cut uint16) {
		d := ds[level%deflate.MaxLevel]
		at := min(int(cut), len(m))
		if bits%9 != 0 {
			bits = 7 + bits%9
		} else {
			bits = 0
		}
		p := d.Append(nil, m[:at], bits, true)
		p = d.Append(p, m[at:], bits, false)
		got, err := in.Append(nil, p, len(m))
		if err != nil || !bytes.Equal(got, m) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		want, err := referenceInflate(p, len(m))
		if err != nil || !bytes.Equal(want.out, m) || bits != 0 && want.farthest > 1<<bits {
			t.Fatalf("refers %d back in %d bits, %v", want.farthest, bits, err)
		}
	})
}
