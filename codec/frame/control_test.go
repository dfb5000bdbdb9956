package frame_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// The examples of RFC 6455 section 5.7.
func TestAppendFrameAsInTheRFC(t *testing.T) {
	hello := []byte("Hello")
	for _, c := range []struct {
		op      ws.OpCode
		payload []byte
		key     *[4]byte
		want    string
	}{
		{ws.OpText, hello, nil, "\x81\x05Hello"},
		{ws.OpText, hello, &key, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{ws.OpPong, hello, &key, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{ws.OpBinary, make([]byte, 256), nil, "\x82\x7e\x01\x00" + strings.Repeat("\x00", 256)},
		{ws.OpBinary, make([]byte, 65536), nil, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("\x00", 65536)},
	} {
		if got := frame.AppendFrame([]byte("before"), c.op, c.payload, c.key); string(got) != "before"+c.want {
			t.Errorf("%v: %x", c.op, got[:min(len(got), 30)])
		}
	}
	if string(hello) != "Hello" {
		t.Error("the payload given was masked in place")
	}
}

func TestAppendPing(t *testing.T) {
	if got := frame.AppendPing(nil, []byte("Hello"), nil); string(got) != "\x89\x05Hello" {
		t.Errorf("%x", got)
	}
	if got := frame.AppendPing(nil, make([]byte, 200), &key); len(got) != 6+125 {
		t.Errorf("a long ping has %d bytes", len(got))
	}
}

func TestAppendClose(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   ws.StatusCode
		reason string
		want   string // the payload
	}{
		{"code and reason", 1001, "draining", "\x03\xe9draining"},
		{"code", 1000, "", "\x03\xe8"},
		{"no code", 1005, "not sent", ""},
		{"123 bytes", 4000, strings.Repeat("x", 123), "\x0f\xa0" + strings.Repeat("x", 123)},
		{"124 bytes", 4000, strings.Repeat("x", 124), "\x0f\xa0" + strings.Repeat("x", 123)},
		{"two-byte runes", 4000, strings.Repeat("é", 62), "\x0f\xa0" + strings.Repeat("é", 61)},
		{"four-byte runes", 4000, strings.Repeat("🐢", 31), "\x0f\xa0" + strings.Repeat("🐢", 30)},
		{"rune that ends at 123", 4000, strings.Repeat("x", 120) + "€€", "\x0f\xa0" + strings.Repeat("x", 120) + "€"},
		{"nothing but tails", 4000, strings.Repeat("\x80", 200), "\x0f\xa0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := frame.AppendClose(nil, c.code, c.reason, nil)
			if want := string(raw(0x88, c.want)); string(got) != want {
				t.Errorf("\n got %x\nwant %x", got, want)
			}
			got = frame.AppendClose([]byte("before"), c.code, c.reason, &key)
			if want := "before" + string(masked(0x88, c.want)); string(got) != want {
				t.Errorf("masked:\n got %x\nwant %x", got, want)
			}
			if utf8.ValidString(c.reason) {
				o := walk(t, [][]byte{got[6:]}, setup{rules: frame.Rules{Masked: true, ValidateUTF8: true}}, nil)
				if o.code != int(c.code) || len(o.log) != 2 {
					t.Errorf("the Scanner finds %q", o.log)
				}
			}
		})
	}
}

func TestMask(t *testing.T) {
	plain := make([]byte, 300)
	for i := range plain {
		plain[i] = byte(i * 7)
	}
	for n := range plain {
		for pos := range 8 {
			want := make([]byte, n)
			for i := range want {
				want[i] = plain[i] ^ key[(pos+i)%4]
			}
			b := bytes.Clone(plain)
			got := b[n%3 : n%3+min(n, len(b)-n%3)] // at different alignments
			copy(got, plain)
			frame.Mask(got, key, pos)
			if !bytes.Equal(got, want[:len(got)]) {
				t.Fatalf("%d bytes from %d", n, pos)
			}
		}
	}
}
