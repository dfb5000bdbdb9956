package bytesize_test

import (
	"strconv"
	"testing"

	"weir/internal/bytesize"
)

func TestCut(t *testing.T) {
	for text, want := range map[string]struct {
		number string
		bytes  int64 // 0: not ok
	}{
		"": {"", 1}, "64": {"64", 1}, "64B": {"64", 1}, "0.5KiB": {"0.5", 1 << 10}, "64K": {"64", 1 << 10}, "64kb": {"64", 1 << 10},
		"64 KiB": {"64 ", 1 << 10}, "-1MiB": {"-1", 1 << 20}, "2g": {"2", 1 << 30}, "64b": {"64", 0}, "64Ki": {"64", 0}, "64TiB": {"64T", 0},
		"KiB": {"", 1 << 10}, "64KiBKiB": {"64", 0},
	} {
		number, unit, bytes, ok := bytesize.Cut(text)
		if number != want.number || bytes != want.bytes || ok != (want.bytes > 0) || number+unit != text {
			t.Errorf("%q: %q %q %d %v", text, number, unit, bytes, ok)
		}
	}
}

func TestText(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1: "1", 1000: "1000", 1 << 10: "1KiB", 1500 << 10: "1500KiB", 3 << 20: "3MiB", 1 << 40: "1024GiB", -1 << 20: "-1MiB"} {
		got := bytesize.Text(n)
		number, _, bytes, ok := bytesize.Cut(got)
		back, err := strconv.ParseInt(number, 10, 64)
		if got != want || !ok || err != nil || back*bytes != n {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
