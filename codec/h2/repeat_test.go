package h2_test

import (
	"slices"
	"strings"
	"testing"

	"weir/codec/h2"
)

// Blocks that look like the last one, or nearly, and what they mean.
func TestRepeatedBlocks(t *testing.T) {
	const (
		ab, cd = "\x40\x01a\x01b", "\x40\x01c\x01d" // enter the table
		newest = "\x88\xbe"                         // 200 and the newest of the table
		xy     = "\x00\x01x\x01y"                   // stays out of the table
		both   = "\x88" + xy + "\x1f\x11\x03a=b"    // as does this cookie
	)
	y300 := strings.Repeat("y", 300)
	long := "\x88\x00\x01x\x7f\xad\x01" + y300
	frame := func(flags h2.Flags, block string) []byte {
		return raw(h2.TypeHeaders, flags|h2.FlagEndHeaders, 1, block)
	}
	end := h2.FlagEndStream
	for _, c := range []struct {
		name   string
		frames [][]byte
		want   []string
	}{
		{"literals", [][]byte{frame(0, both), raw(h2.TypeHeaders, h2.FlagEndHeaders, 3, both)},
			[]string{"headers 1 200 [x: y] [cookie: a=b] end=false", "headers 3 200 [x: y] [cookie: a=b] end=false"}},
		{"an index whose field was moved on", [][]byte{frame(0, "\x88"+ab), frame(0, newest), frame(0, newest), frame(0, "\x88"+cd), frame(0, newest)},
			[]string{"headers 1 200 [a: b] end=false", "headers 1 200 [a: b] end=false", "headers 1 200 [a: b] end=false",
				"headers 1 200 [c: d] end=false", "headers 1 200 [c: d] end=false"}},
		{"a block that changes what it means", [][]byte{frame(0, "\x88"+cd), frame(0, "\x88"+ab+"\xbf"), frame(0, "\x88"+ab+"\xbf")},
			[]string{"headers 1 200 [c: d] end=false", "headers 1 200 [a: b] [c: d] end=false", "headers 1 200 [a: b] [a: b] end=false"}},
		{"a table that is emptied", [][]byte{frame(0, "\x88"+ab), frame(0, newest), frame(0, "\x20\x88"), frame(0, newest)},
			[]string{"headers 1 200 [a: b] end=false", "headers 1 200 [a: b] end=false", "headers 1 200 end=false", "fault COMPRESSION_ERROR h2_compression"}},
		{"an emptied table", [][]byte{frame(0, "\x88"+ab), frame(0, "\x20\x88"), frame(0, "\x20\x88"), frame(0, newest)},
			[]string{"headers 1 200 [a: b] end=false", "headers 1 200 end=false", "headers 1 200 end=false", "fault COMPRESSION_ERROR h2_compression"}},
		{"a long value before that", [][]byte{frame(0, "\x88"+cd), frame(0, long+ab+"\xbf"), frame(0, long+ab+"\xbf")},
			[]string{"headers 1 200 [c: d] end=false", "headers 1 200 [x: " + y300 + "] [a: b] [c: d] end=false", "headers 1 200 [x: " + y300 + "] [a: b] [a: b] end=false"}},
		{"trailers that do not end", [][]byte{frame(end, xy), frame(end, xy), frame(0, xy)},
			[]string{"headers 1  [x: y] end=true", "headers 1  [x: y] end=true", "stream fault 1 PROTOCOL_ERROR h2_missing_pseudo_field"}},
		{"an interim response that ends", [][]byte{frame(0, "\x08\x03103"), frame(0, "\x08\x03103"), frame(end, "\x08\x03103")},
			[]string{"headers 1 103 end=false", "headers 1 103 end=false", "stream fault 1 PROTOCOL_ERROR h2_interim_response_ends"}},
		{"a block that goes on", [][]byte{frame(0, "\x88"), raw(h2.TypeHeaders, 0, 1, "\x88"), raw(h2.TypeContinuation, h2.FlagEndHeaders, 1, xy), frame(0, xy)},
			[]string{"headers 1 200 end=false", "headers 1 200 [x: y] end=false", "stream fault 1 PROTOCOL_ERROR h2_missing_pseudo_field"}},
		{"padding and priority", [][]byte{frame(0, "\x88"), frame(h2.FlagPadded|h2.FlagPriority, "\x02\x00\x00\x00\x00\x00\x88\x00\x00"), frame(0, "\x88")},
			slices.Repeat([]string{"headers 1 200 end=false"}, 3)},
		{"refused", [][]byte{frame(0, "\x88"), frame(0, xy), frame(0, xy), frame(0, "\x88")},
			[]string{"headers 1 200 end=false", "stream fault 1 PROTOCOL_ERROR h2_missing_pseudo_field", "stream fault 1 PROTOCOL_ERROR h2_missing_pseudo_field", "headers 1 200 end=false"}},
		{"nothing behind what is not known again", [][]byte{frame(0, "\x88"+ab), frame(0, "")},
			[]string{"headers 1 200 [a: b] end=false", "stream fault 1 PROTOCOL_ERROR h2_missing_pseudo_field"}},
		{"empty", [][]byte{frame(end, ""), frame(end, ""), frame(0, "")},
			[]string{"headers 1  end=true", "headers 1  end=true", "stream fault 1 PROTOCOL_ERROR h2_missing_pseudo_field"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, walk(begun(t, h2.Client), c.frames...), c.want)
		})
	}
}

// A block means the same when it is known again as when it is decoded once more, which it is if CONTINUATION follows.
func FuzzRepeats(f *testing.F) {
	for _, answer := range answers() {
		f.Add(string(answer.first[h2.HeaderLen:]), string(answer.again[h2.HeaderLen:]), uint16(0x1b1b))
	}
	f.Add("\x88\x40\x01a\x01b\xbf", "\x88\xbe", uint16(0xf2c4))
	f.Add("\x20\x88", "\x3f\x10\x88\x00\x7f\x00"+strings.Repeat("a", 127)+"\x7f\x00"+strings.Repeat("b", 127), uint16(0x55aa))
	f.Add("\x88\x0f\x80\x80\x00\x81a", "\x88\xff\x80\x00", uint16(0))
	f.Fuzz(func(t *testing.T, a, b string, order uint16) {
		if len(a)|len(b) >= 1<<14 {
			return
		}
		var whole, pieces []byte
		for ; order > 0; order >>= 2 {
			block, end := a, h2.FlagEndStream*h2.Flags(order>>1&1)
			if order&1 != 0 {
				block = b
			}
			whole = append(whole, raw(h2.TypeHeaders, end|h2.FlagEndHeaders, 1, block)...)
			pieces = append(append(pieces, raw(h2.TypeHeaders, end, 1, block)...), raw(h2.TypeContinuation, h2.FlagEndHeaders, 1, "")...)
		}
		expect(t, walk(begun(t, h2.Client), whole), walk(begun(t, h2.Client), pieces))
	})
}
