package frame

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// firstBad is where p stops being the beginning of a valid text, by the standard library.
func firstBad(p []byte) int {
	for i := 0; i < len(p); {
		if !utf8.FullRune(p[i:]) {
			return len(p)
		}
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			for n = 1; i+n < len(p) && !utf8.FullRune(p[i:i+n]); {
				n++
			}
			return i + n - 1
		}
		i += n
	}
	return len(p)
}

func checkText(t *testing.T, text []byte) {
	t.Helper()
	var key = [4]byte{0x12, 0x80, 0xff, 0x07}
	want := firstBad(text)
	for _, masked := range []bool{false, true} {
		p, k := append([]byte(nil), text...), [4]byte{}
		if masked {
			k = key
			Mask(p, k, 0)
		}
		for cut := range len(p) + 1 {
			state, n := validateUTF8(textWhole, p[:cut], k, 0)
			if n == cut {
				var more int
				state, more = validateUTF8(state, p[cut:], k, uint8(cut))
				n += more
			}
			if n != want || n == len(p) && (state == textWhole) != utf8.Valid(text) {
				t.Fatalf("%x cut at %d, masked %v: good up to %d of %d, state %d", text, cut, masked, n, want, state)
			}
		}
	}
}

// Every sequence of up to three bytes of every kind, and of four at the borders, alone and in the middle
// of words.
func TestValidateUTF8(t *testing.T) {
	borders := []byte{0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff}
	for _, a := range borders {
		for _, b := range borders {
			checkText(t, []byte{a, b})
			for _, c := range borders {
				checkText(t, []byte{a, b, c})
				for _, d := range borders {
					if a >= 0xf0 {
						checkText(t, []byte{a, b, c, d})
					}
				}
				checkText(t, fmt.Appendf(nil, "seven..%c%c%cand nine more", rune(a), rune(b), rune(c)))
				checkText(t, append([]byte("seven.."), a, b, c, 'x', 'y', 'z', '1', '2', '3', '4', '5'))
			}
		}
	}
}

func TestValidateUTF8KnowsEveryRune(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		p := utf8.AppendRune(nil, r)
		if state, n := validateUTF8(textWhole, p, [4]byte{}, 0); state != textWhole || n != len(p) {
			t.Fatalf("%U: state %d after %d", r, state, n)
		}
	}
}

func FuzzValidateUTF8(f *testing.F) {
	for _, s := range []string{"plain", "żółw 日本語 🐢 and on", "\xed\xa0\x80", strings.Repeat("a", 17) + "\xf4\x90", "\xe2\x82", "\xc0\xaf"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 200 {
			checkText(t, text)
		}
	})
}

func BenchmarkValidateUTF8(b *testing.B) {
	for name, word := range map[string]string{"ascii": "plain words ", "mixed": "der größte Käse ", "cjk": "日本語の文字"} {
		for kind, key := range map[string][4]byte{"plain": {}, "masked": {1, 2, 3, 4}} {
			p := []byte(strings.Repeat(word, 16384/len(word)))
			Mask(p, key, 0)
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.SetBytes(int64(len(p)))
				b.ReportAllocs()
				for b.Loop() {
					if _, n := validateUTF8(textWhole, p, key, 0); n != len(p) {
						b.Fatal(n)
					}
				}
			})
		}
	}
}
