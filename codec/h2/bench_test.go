package h2_test

import (
	"bytes"
	"testing"

	"weir/codec/h2"
)

const small = 125 + 6 // a masked WebSocket frame

// smallFrames is a read of 64 streams' messages, as large as a loop's buffer takes.
func smallFrames() (b []byte) {
	for i := range uint32(64) {
		b = append(h2.AppendDataHeader(b, 2*i+1, small, false), make([]byte, small)...)
	}
	return b
}

func drain(tb testing.TB, r *h2.Reader, b []byte) (n int) {
	for len(b) > 0 {
		ev, used := r.Next(b)
		if ev.Kind == h2.Fault {
			tb.Fatal(r.Err())
		}
		n += int(ev.N)
		b = b[used:]
	}
	return n
}

func TestReadingAllocatesNothing(t *testing.T) {
	many := smallFrames()
	for name, pieces := range map[string][][]byte{
		"data":           {many},
		"split payload":  {many[:60], many[60:1000], many[1000:]},
		"split header":   {many[:4], many[4:145], many[145:]},
		"padded":         {raw(h2.TypeData, h2.FlagPadded, 1, "\x03abcdef")},
		"control frames": {h2.AppendWindowUpdate(nil, 1, 9), h2.AppendPing(nil, [8]byte{}), hello, h2.AppendReset(nil, 1, h2.Cancel)},
		"status":         {headers(1, 0, ":status", "200")},
		"same response":  {answers()["literals"].again},
		"stream fault":   {h2.AppendWindowUpdate(nil, 1, 0)},
	} {
		r := begun(t, h2.Client)
		if n := testing.AllocsPerRun(100, func() {
			r.Refill()
			for _, piece := range pieces {
				drain(t, r, piece)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAppendingAllocatesNothing(t *testing.T) {
	out, payload := make([]byte, 0, 4096), make([]byte, small)
	w := h2.NewWindow(1 << 20)
	if n := testing.AllocsPerRun(100, func() {
		out = append(h2.AppendDataHeader(out[:0], 5, small, false), payload...)
		out = h2.AppendWindowUpdate(out, 5, small)
		out = h2.AppendPong(out, payload[:8])
		out = h2.AppendReset(out, 5, h2.Cancel)
		if w.Take(small) != nil || w.Credit(small) != nil {
			t.Fatal(w)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkReadData(b *testing.B) {
	many := smallFrames()
	big := append(h2.AppendDataHeader(nil, 1, 16384, false), make([]byte, 16384)...)
	for _, c := range []struct {
		name   string
		pieces [][]byte
		frames int
	}{
		{"64x125", [][]byte{many}, 64},
		{"64x125-split-header", [][]byte{many[:4], many[4:]}, 64},
		{"64x125-padded", [][]byte{bytes.Repeat(raw(h2.TypeData, h2.FlagPadded, 1, "\x09"+string(make([]byte, small+9))), 64)}, 64},
		{"16KiB-by-4KiB", [][]byte{big[:4096], big[4096:8192], big[8192:12288], big[12288:]}, 1},
		{"64-window-updates", [][]byte{bytes.Repeat(h2.AppendWindowUpdate(nil, 1, 131), 64)}, 64},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := begun(b, h2.Client)
			b.ReportAllocs()
			for b.Loop() {
				for _, piece := range c.pieces {
					drain(b, r, piece)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.frames), "ns/frame")
		})
	}
}

func BenchmarkAppendDataHeader(b *testing.B) {
	out := make([]byte, 0, 64*h2.HeaderLen)
	b.ReportAllocs()
	for b.Loop() {
		out = out[:0]
		for i := range uint32(64) {
			out = h2.AppendDataHeader(out, 2*i+1, small, false)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*64), "ns/frame")
}
