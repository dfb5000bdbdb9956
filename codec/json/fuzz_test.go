package json_test

import (
	stdjson "encoding/json"
	"errors"
	"testing"

	"weir/codec/json"
)

func FuzzChecker(f *testing.F) {
	for _, text := range good {
		f.Add([]byte(text), uint16(len(text)/2))
	}
	for _, tt := range broken {
		f.Add([]byte(tt.text), uint16(tt.offset))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint16) {
		whole := check(string(text))
		at := min(int(cut), len(text))
		if got := check(string(text[:at]), string(text[at:])); !same(got, whole) {
			t.Fatalf("%q: %v, cut at %d %v", text, whole, at, got)
		}
		if valid := stdjson.Valid(text); valid != (whole == nil) && !errors.Is(whole, json.ErrTooDeep) {
			t.Fatalf("%q: %v, encoding/json says %v", text, whole, valid)
		}
	})
}
