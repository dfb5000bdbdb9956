package h2_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/codec/h2"
	"weir/codec/http1"
)

// Names of fields that are indexed, and of some that never are.
var (
	shared = []string{"user-agent", "Origin", "accept-language", "ACCEPT-ENCODING", "via", "x-forwarded-proto", "sec-websocket-extensions", "server"}
	secret = []string{"cookie", "Authorization", "sec-websocket-protocol", "x-forwarded-for", "viA2", "user-agenT-", "usEr-agen", "", "x"}
)

// link is an Encoder with x/net's decoder at the other end.
type link struct {
	tb       testing.TB
	encoder  *h2.Encoder
	reader   *h2.Reader // of the decoder's settings
	decoder  *hpack.Decoder
	size     uint32 // of the table, as the Encoder says
	smallest uint32 // that the decoder has announced since the last block
}

func newLink(tb testing.TB) *link {
	return &link{tb, h2.NewEncoder(), begun(tb, h2.Client), hpack.NewDecoder(4096, nil), 4096, 4096}
}

// announce lets the decoder send these sizes of the table in one SETTINGS frame.
func (l *link) announce(sizes ...uint32) {
	var list []http2.Setting
	for _, n := range sizes {
		list = append(list, http2.Setting{ID: http2.SettingHeaderTableSize, Val: n})
		l.smallest = min(l.smallest, n)
		l.decoder.SetAllowedMaxDynamicTableSize(n)
	}
	l.reader.Refill()
	drain(l.tb, l.reader, framer(func(f *http2.Framer) { _ = f.WriteSettings(list...) }))
	l.encoder.Apply(l.reader.Peer())
}

// send gives the length of what a response's fields became, once they were read well.
func (l *link) send(list ...http1.Field) int {
	l.tb.Helper()
	b := fragments(l.encoder.AppendResponse(nil, 1, 200, list, false))
	n := len(b) - 1 - l.resize(b)
	if l.size > l.smallest {
		l.tb.Fatalf("the table has %d bytes, %d were announced", l.size, l.smallest)
	}
	l.smallest = l.reader.Peer().HeaderTableSize
	got, err := l.decoder.DecodeFull(b)
	if err != nil {
		l.tb.Fatal(err)
	}
	want := []hpack.HeaderField{{Name: ":status", Value: "200"}}
	for _, f := range list {
		name := strings.ToLower(string(f.Name))
		isSecret := slices.ContainsFunc(secret, func(s string) bool { return strings.ToLower(s) == name })
		want = append(want, hpack.HeaderField{Name: name, Value: string(f.Value), Sensitive: isSecret})
	}
	if !slices.Equal(got, want) {
		l.tb.Fatalf("\ngot  %q\nwant %q", showFields(got), showFields(want))
	}
	return n
}

// fragments is the block that frames carry.
func fragments(frames []byte) (block []byte) {
	for len(frames) > 0 {
		h, n := h2.ParseHeader(frames)
		end := n + int(h.Length)
		block, frames = append(block, frames[n:end]...), frames[end:]
	}
	return block
}

// resize reads the size that a block may begin with, one at most (RFC 7541 section 6.3), and gives its length.
func (l *link) resize(b []byte) (n int) {
	if b[0]>>5 != 1 {
		return 0
	}
	l.size, n = uint32(b[0]&31), 1
	for shift, more := 0, l.size == 31; more; shift += 7 {
		l.size += uint32(b[n]&127) << shift
		more = b[n] >= 128
		n++
	}
	if b[n]>>5 == 1 {
		l.tb.Fatalf("two sizes: % x", b)
	}
	return n
}

// text is long enough to tell values apart by their length, and by every byte.
func text(n int) string { return strings.Repeat(string(rune('!'+n%90)), n) }

// exercise sends blocks of fields, now and then after new settings. pick chooses a number below n.
func exercise(l *link, blocks int, pick func(n int) int) {
	for range blocks {
		for pick(8) == 0 {
			sizes := make([]uint32, 1+pick(3))
			for i := range sizes {
				sizes[i] = []uint32{0, 31, 45, 100, 1000, 4095, 4096, 65536}[pick(8)]
			}
			l.announce(sizes...)
		}
		list := make([]http1.Field, pick(12))
		for i := range list {
			from := [][]string{shared, shared, secret}[pick(3)]
			length := []int{pick(4), pick(128), pick(128), pick(1100), 4030 + pick(70)}[min(pick(5), pick(5))]
			list[i] = fields(from[pick(len(from))], text(length))[0]
		}
		if pick(6) == 0 {
			list = append(list, fields("accept-encoding", "gzip, deflate")...) // stands in the static table
		}
		l.send(list...)
	}
}

func TestTableAgainstReference(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 541))
	for range 20 {
		exercise(newLink(t), 500, random.IntN)
	}
}

// Whatever the other side's table holds is sent as an index, and nothing else is.
func TestTableHoldsWhatItCan(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 541))
	l, held, size := newLink(t), []hpack.HeaderField(nil), uint32(0)
	hits := 0
	for range 20_000 {
		f := hpack.HeaderField{Name: strings.ToLower(shared[random.IntN(len(shared))]), Value: text(random.IntN(60))}
		switch random.IntN(100) {
		case 0:
			f.Value = text(4096 - 32 - len(f.Name)) // fills the table
		case 1, 2, 3, 4:
			f.Value = text(1000 + 100*random.IntN(10))
		}
		n, has := l.send(fields(f.Name, f.Value)...), slices.Contains(held, f)
		if has != (n == 1 || n == 2 && len(f.Value) > 0) {
			t.Fatalf("%v: %d bytes, held=%t", f, n, has)
		}
		if has {
			hits++
			continue
		}
		held, size = append(held, f), size+f.Size()
		for ; size > 4096; held = held[1:] {
			size -= held[0].Size()
		}
	}
	if hits < 1000 || hits > 19_000 {
		t.Error(hits, "hits: this shows nothing")
	}
}

// A table that became narrower gets its width back, one size a block.
func TestTableWidensAgain(t *testing.T) {
	agent := fields("user-agent", "x")
	for _, sizes := range [][]uint32{{0, 4096}, {100, 0, 65536}, {4095, 4096}} {
		l := newLink(t)
		l.send(agent...)
		l.announce(sizes...)
		l.send(agent...)
		narrow := l.size
		l.send(agent...)
		if n := l.send(agent...); narrow != slices.Min(sizes) || l.size != 4096 || n != 1 {
			t.Errorf("%v: %d bytes, then %d; a field it holds took %d", sizes, narrow, l.size, n)
		}
	}
}

func TestConnectAllocatesNothing(t *testing.T) {
	out := make([]byte, 0, 4096)
	for name, asks := range users() {
		e, i := h2.NewEncoder(), 0
		if n := testing.AllocsPerRun(200, func() {
			out = e.AppendConnect(out[:0], 1, "http", []byte("chat.example"), []byte("/"), asks[i%len(asks)])
			out = e.AppendResponse(out, 1, 502, asks[i%len(asks)], false)
			i++
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("\x01\x05\x00\x00\x10\x20\x30\x00\x02\x00\x00"))
	f.Add([]byte(strings.Repeat("\x00\x02\x04\x07\x03\x01\x01\x0a\x00\x01\x40\x02", 20)))
	f.Fuzz(func(t *testing.T, choices []byte) {
		l := newLink(t)
		for i := 0; i < len(choices); {
			exercise(l, 1, func(n int) int {
				if i++; i > len(choices) {
					return n - 1
				}
				return int(choices[i-1]) * n / 256
			})
		}
	})
}
