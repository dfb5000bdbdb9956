package deflate_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"weir/codec/deflate"
)

// sample is JSON as a feed sends it, cut to size.
func sample(size int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	b := []byte(`{"type":"trade","items":[`)
	for len(b) < size {
		b = fmt.Appendf(b, `{"id":%d,"symbol":"%s","price":%.4f,"qty":%d,"side":"%s","user":"u%06x"},`, r.IntN(1e6),
			[]string{"AAPL", "MSFT", "GOOG", "TSLA"}[r.IntN(4)], r.Float64()*1000, r.IntN(500), []string{"buy", "sell"}[r.IntN(2)], r.IntN(1<<24))
	}
	return b[:size]
}

func noise(size int) []byte {
	r := rand.New(rand.NewPCG(3, 3))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func newDeflater(t testing.TB, level int) *deflate.Deflater {
	d, err := deflate.NewDeflater(level)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// standard inflates with compress/flate, which knows nothing of ours.
func standard(payload []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))))
}

func TestRoundTrip(t *testing.T) {
	in := deflate.NewInflater()
	for level := 1; level <= deflate.MaxLevel; level++ {
		d := newDeflater(t, level)
		for _, size := range []int{0, 1, 5, 31, 32, 33, 125, 126, 127, 128, 255, 1024, 4096, 32767, 32768, 32769, 65534, 65535, 65536, 100_000} {
			for kind, m := range [][]byte{sample(size), noise(size), make([]byte, size)} {
				p := d.Append([]byte("before"), m, 0, false)
				if !bytes.HasPrefix(p, []byte("before")) {
					t.Fatal("what was there is gone")
				}
				p = p[len("before"):]
				got, err := in.Append(nil, p, size)
				if err != nil || !bytes.Equal(got, m) {
					t.Errorf("level %d, kind %d, %d bytes: %d, %v", level, kind, size, len(got), err)
				}
				if got, err = standard(p); err != nil || !bytes.Equal(got, m) {
					t.Errorf("level %d, kind %d, %d bytes, compress/flate: %d, %v", level, kind, size, len(got), err)
				}
				if most := size + 5*(size/30_000+2); len(p) > most {
					t.Errorf("level %d, kind %d: %d bytes became %d", level, kind, size, len(p))
				}
			}
		}
	}
}

// An empty message is the one byte that RFC 7692 section 7.2.3.6 asks for.
func TestDeflateEmpty(t *testing.T) {
	if got := newDeflater(t, 1).Append(nil, nil, 0, false); !bytes.Equal(got, []byte{0}) {
		t.Errorf("%x", got)
	}
}

// A message cut in two anywhere, each part a frame of its own, is the same message.
func TestParts(t *testing.T) {
	d, in := newDeflater(t, 1), deflate.NewInflater()
	m := sample(700)
	for cut := range len(m) + 1 {
		p := d.Append(nil, m[:cut], 0, true)
		p = d.Append(p, m[cut:], 0, false)
		if got, err := in.Append(nil, p, len(m)); err != nil || !bytes.Equal(got, m) {
			t.Fatalf("cut at %d: %d bytes, %v", cut, len(got), err)
		}
	}
	var p []byte
	for i := range m {
		p = d.Append(p, m[i:i+1], 9, true)
	}
	p = d.Append(p, nil, 9, false)
	if got, err := in.Append(nil, p, len(m)); err != nil || !bytes.Equal(got, m) {
		t.Fatalf("one by one: %d bytes, %v", len(got), err)
	}
}

// What repeats just beyond a window, and just within, is never referred to beyond it (section 7.1.2.1).
func TestWindow(t *testing.T) {
	d := newDeflater(t, 1)
	for bits := uint8(deflate.MinWindowBits); bits <= deflate.MaxWindowBits; bits++ {
		window, farthest := 1<<bits, 0
		for _, period := range []int{window / 2, window - 1, window, window + 1} {
			m := bytes.Repeat(noise(period), 4)[:window+period+100]
			got, err := referenceInflate(d.Append(nil, m, bits, false), len(m))
			if err != nil || !bytes.Equal(got.out, m) {
				t.Fatalf("%d bits, period %d: %v", bits, period, err)
			}
			farthest = max(farthest, got.farthest)
		}
		m := sample(window + window/2)
		got, err := referenceInflate(d.Append(nil, m, bits, false), len(m))
		if err != nil || !bytes.Equal(got.out, m) {
			t.Errorf("%d bits, JSON: %v", bits, err)
		}
		if farthest = max(farthest, got.farthest); farthest > window || farthest < window/2 {
			t.Errorf("%d bits: refers up to %d bytes back", bits, farthest)
		}
	}
}

// One message's bytes never show in the next one's, of another session: the output depends on the message alone.
func TestNothingIsShared(t *testing.T) {
	for level := 1; level <= deflate.MaxLevel; level++ {
		fresh := newDeflater(t, level).Append(nil, sample(5000), 0, false)
		d := newDeflater(t, level)
		for range 3 {
			d.Append(nil, sample(9000), 0, false)
			d.Append(nil, noise(100), 0, true)
			got := d.Append(nil, sample(5000), 0, false)
			if in, err := referenceInflate(got, 5000); err != nil || !bytes.Equal(in.out, sample(5000)) {
				t.Errorf("level %d: %v", level, err)
			}
			if len(got) != len(fresh) {
				t.Errorf("level %d: %d bytes, and %d from a new Deflater", level, len(got), len(fresh))
			}
		}
	}
}

func TestLevels(t *testing.T) {
	for _, level := range []int{-3, -2, -1, 0, 7, 9} {
		if _, err := deflate.NewDeflater(level); err == nil {
			t.Errorf("level %d is taken", level)
		}
	}
}
