package deflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/codec/deflate"
)

const message = `{"id":1,"name":"weir","tags":["a","b","a","b"],"text":"one two one two one two"}`

// vectors: those of RFC 7692, and what zlib makes of message with Z_SYNC_FLUSH, the tail cut off.
var vectors = []struct{ name, payload, want string }{
	{"7.2.3.1 one block", "f248cdc9c90700", "Hello"},
	{"7.2.3.2 shared window: the second message alone still", "f248cdc9c90700", "Hello"},
	{"7.2.3.3 no compression", "000500faff48656c6c6f00", "Hello"},
	{"7.2.3.4 final block", "f348cdc9c9070000", "Hello"},
	{"7.2.3.5 two blocks", "f248050000 00ffffcac9c90700", "Hello"},
	{"7.2.3.6 empty", "00", ""},
	{"empty fixed block", "0200", ""},
	{"no bytes", "", ""},
	{"zlib: level 1", "aa56ca4c51b232d451ca4bcc4d55b2522a4fcd2c52d2512a494c2f56b28a564a54d2514a52d281d2b13a4a25a915254a564af979a90a25e5f90a68b4522d00", message},
	{"zlib: stored", "005000afff7b226964223a312c226e616d65223a2277656972222c2274616773223a5b2261222c2262222c2261222c2262225d2c2274657874223a226f6e652074776f206f6e652074776f206f6e652074776f227d00", message},
	{"zlib: codes only", "04c1310a80300c40d1ab843f6771cd55c4a1c5201d4c400315c4bbfbdecbd8b14589763ac6f471a1543b6e6ca5a1749486d2d994f2a730325c6aa664b8d44cc970a9997c3f00", message},
	{"zlib: finished, without the byte behind", "ab56ca4c51b232d451ca4bcc4d55b2522a4fcd2c52d2512a494c2f56b28a564a54d2514a52d281d2b13a4a25a915254a564af979a90a25e5f90a68b4522d00", message},
	{"final blocks one after another", "f348cdc9c90700 f348cdc9c90700 00", "HelloHello"},
	{"final and then others", "f348cdc9c90700 f248cdc9c90700", "HelloHello"},
	{"a stored block that the tail completes", "000900f6ff48656c6c6f", "Hello\x00\x00\xff\xff"},
	{"a final one that the tail completes", "010900f6ff48656c6c6f", "Hello\x00\x00\xff\xff"},
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func TestInflate(t *testing.T) {
	in := deflate.NewInflater() // one for all: nothing of a message may stay for the next
	for _, tt := range vectors {
		got, err := in.Append([]byte("before"), unhex(tt.payload), len(tt.want))
		if err != nil || string(got) != "before"+tt.want {
			t.Errorf("%s: %q, %v, not %q", tt.name, got, err, tt.want)
		}
		if tt.want == "" {
			continue
		}
		if got, err = in.Append([]byte("before"), unhex(tt.payload), len(tt.want)-1); err != deflate.ErrTooLarge || string(got) != "before" {
			t.Errorf("%s: %q, %v for one byte over the limit", tt.name, got, err)
		}
	}
}

func TestInflateRefuses(t *testing.T) {
	in := deflate.NewInflater()
	for _, tt := range []struct{ name, payload string }{
		{"the tail left on, and a byte of it", "f248cdc9c90700 0000ffff00ff"},
		{"reserved block type", "06"},
		{"stored lengths that do not match", "000500faaf48656c6c6f00"},
		{"stored block cut", "000500faff4865"},
		{"stored block that swallows the ending", "010900f6ff"},
		{"and more", "010e00f1ff48656c6c6f"},
		{"distance before the message", "02f3480500"},
		{"distance before a final block", "f348cdc9c90700 02040000"},
		{"another message's window (7.2.3.2)", "f200110000"},
		{"cut dynamic codes", "04c1310a80300c40d1ab84"},
		{"garbage behind", "f248cdc9c90700 ffffffff"},
		{"a final block and half a one", "f348cdc9c90700 f348cd"},
	} {
		got, err := in.Append([]byte("before"), unhex(tt.payload), 1000)
		if err != deflate.ErrCorrupt || string(got) != "before" {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
		if _, err := referenceInflate(unhex(tt.payload), 1000); err == nil {
			t.Errorf("%s: the reference takes it", tt.name)
		}
		if got, err = in.Append(nil, unhex(vectors[0].payload), 1000); err != nil || string(got) != "Hello" {
			t.Errorf("%s: and then %q, %v", tt.name, got, err)
		}
	}
}

// A message cut anywhere is refused, or is one by itself: the reference tells which.
func TestEveryPrefix(t *testing.T) {
	in := deflate.NewInflater()
	for _, v := range vectors {
		for n := range len(unhex(v.payload)) {
			compareWithReference(t, in, unhex(v.payload)[:n], 1000)
		}
	}
}

// Every bit turned over, the same.
func TestEveryBit(t *testing.T) {
	in := deflate.NewInflater()
	for _, v := range vectors {
		p := unhex(v.payload)
		for i := range 8 * len(p) {
			p[i/8] ^= 1 << (i % 8)
			compareWithReference(t, in, p, 1000)
			p[i/8] ^= 1 << (i % 8)
		}
	}
}

func compareWithReference(t *testing.T, in *deflate.Inflater, payload []byte, limit int) {
	t.Helper()
	want, refErr := referenceInflate(payload, limit)
	got, err := in.Append(nil, payload, limit)
	if (err == nil) != (refErr == nil) {
		t.Fatalf("%x: %v, the reference says %v", payload, err, refErr)
	}
	if err == nil && !bytes.Equal(got, want.out) {
		t.Fatalf("%x: %q, the reference says %q", payload, got, want.out)
	}
	if len(got) > limit {
		t.Fatalf("%x: %d bytes over a limit of %d", payload, len(got), limit)
	}
}

// bomb inflates to size bytes, a whole number of MiB, and is a thousand times smaller.
func bomb(t testing.TB, size int) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(make([]byte, 1<<20))
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	p := bytes.Repeat(b.Bytes(), size>>20)
	return p[:len(p)-4]
}

func TestBomb(t *testing.T) {
	const limit = 1 << 20
	p := bomb(t, 1<<30)
	in := deflate.NewInflater()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err := in.Append(nil, p, limit)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err != deflate.ErrTooLarge {
		t.Fatal(err)
	}
	// Doubling: all buffers of a message together are under twice the last, and that is no larger than the limit.
	if got := after.TotalAlloc - before.TotalAlloc; got > 2*limit+64<<10 {
		t.Errorf("%d bytes allocated for a limit of %d", got, limit)
	}
	if took > time.Second { // inflating it all takes several
		t.Errorf("took %v", took)
	}
	t.Logf("%d bytes of bomb, a limit of %d: %v", len(p), limit, took)
}

func TestGrowth(t *testing.T) {
	in := deflate.NewInflater()
	p := bomb(t, 1<<20)
	for _, room := range []int{0, 1, 1000, 1 << 20, 1<<20 + 1, 2 << 20} {
		got, err := in.Append(make([]byte, 0, room), p, 1<<20)
		if err != nil || len(got) != 1<<20 || bytes.ContainsFunc(got, func(r rune) bool { return r != 0 }) {
			t.Errorf("room of %d: %d bytes, %v", room, len(got), err)
		}
		if cap(got) > max(room, 1<<20+1<<14) {
			t.Errorf("room of %d: grew to %d", room, cap(got))
		}
	}
	if got, err := in.Append(nil, unhex(vectors[0].payload), int(^uint(0)>>1)); err != nil || string(got) != "Hello" {
		t.Errorf("%q, %v without a limit", got, err)
	}
}

// What compress/flate makes at any level, flushed anywhere, inflates.
func TestInflateStandard(t *testing.T) {
	in := deflate.NewInflater()
	r := rand.New(rand.NewPCG(1, 2))
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		text := sample(100_000)
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, level)
		for rest := text; len(rest) > 0; {
			n := min(1+r.IntN(40_000), len(rest))
			_, _ = w.Write(rest[:n])
			_ = w.Flush()
			rest = rest[n:]
		}
		got, err := in.Append(nil, b.Bytes()[:b.Len()-4], len(text))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("level %d: %d bytes, %v", level, len(got), err)
		}
	}
}

func TestFaultsAreNamed(t *testing.T) {
	for _, f := range deflate.Faults {
		if f.Code == 0 || f.Reason == "" || f.Text == "" {
			t.Errorf("%+v", f)
		}
	}
	var err error = deflate.ErrTooLarge
	if !errors.Is(err, deflate.ErrTooLarge) || errors.Is(err, deflate.ErrCorrupt) {
		t.Error("the faults are not told apart")
	}
}
