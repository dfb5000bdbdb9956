package json_test

import (
	stdjson "encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"weir/codec/json"
)

var good = []string{
	`0`, `-0`, `7`, `10`, `-1234567890`, `0.0`, `1.5`, `-0.25`, `1e5`, `1E5`, `0e0`, `1e+5`, `1e-5`, `0.5e+10`, `1.0E-007`, `123456789012345678901234567890`,
	`true`, `false`, `null`, `""`, `"a"`, ` true `, "\t\r\n null \n",
	`"\"\\\/\b\f\n\r\t"`, `"\u0000"`, `"\uABCD\uabcd\u00e9"`, `"\ud800"`, `"\udc00\ud800"`, "\"\x7f\"", `"é€😀"`, `"' // /* "`,
	`"eight bytes and more, so that they are walked by words \n and again ........ \" done"`,
	`[]`, `[ ]`, `[1]`, `[1,2,3]`, `[ 1 , "a" , null , true , [ ] , { } ]`, `[[[[[[]]]]]]`, `[-0,0e1,[0]]`, `[0]`, `[1.5e3]`,
	`{}`, `{ }`, `{"a":1}`, `{"a":1,"b":[{}],"c":{"d":[]}}`, `{"":""}`, `{"a":1,"a":2}`, ` { "a" : 1 , "b" : -2 } `, `{"\u0061\"":0}`, `{"a":{"b":{"c":{}}}}`,
	`[{"a":[{"b":[]}]},{"c":1.0}]`,
}

// bad texts, and where each is broken.
var broken = []struct {
	text   string
	offset int64
}{
	{"", 0}, {" ", 1}, {"x", 0}, {"\x00", 0}, {"\ufeff1", 0}, {"\xff", 0}, {"NaN", 0}, {"Infinity", 0}, {"-Infinity", 1}, {"nan", 1}, {"undefined", 0},
	{"True", 0}, {"tru", 3}, {"trux", 3}, {"truee", 4}, {"nul", 3}, {"fals", 4}, {"falsy", 4}, {"nulll", 4}, {"true false", 5}, {"true,", 4}, {"1 2", 2},
	{"+1", 0}, {".5", 0}, {"-", 1}, {"--1", 1}, {"-a", 1}, {"01", 1}, {"-01", 2}, {"00", 1}, {"1.", 2}, {"1.e5", 2}, {"1e", 2}, {"1e+", 3}, {"1e+-5", 3},
	{"1.5.5", 3}, {"1e5.5", 3}, {"1e5e5", 3}, {"0x1", 1}, {"1_000", 1}, {"1a", 1}, {"[1a]", 2}, {"[-]", 2}, {"[1.]", 3}, {"1]", 1}, {"1}", 1}, {"1,", 1},
	{`"`, 1}, {`"a`, 2}, {`"a\`, 3}, {`"\x"`, 2}, {`"\u"`, 3}, {`"\u12"`, 5}, {`"\u12g4"`, 5}, {`"\U0041"`, 2}, {`"\'"`, 2}, {"\"\n\"", 1}, {"\"\x00\"", 1},
	{"\"\x1f\"", 1}, {"\"12345678\t\"", 9}, {"\"1234567\x01", 8}, {`'a'`, 0}, {`"a"b`, 3}, {`"a""b"`, 3}, {`""]`, 2},
	{"[", 1}, {"]", 0}, {"[,", 1}, {"[,1]", 1}, {"[1,]", 3}, {"[1,,2]", 3}, {"[1 2]", 3}, {"[1", 2}, {"[1}", 2}, {"[1:2]", 2}, {"[]]", 2}, {"[[]", 3}, {"[1]x", 3}, {"[}", 1},
	{"[\"a\":1]", 4}, {"[1,", 3}, {"[//]", 1}, {"[1]/**/", 3}, {"[1]\x00", 3}, {"[1]\v", 3}, {"[\f]", 1}, {"[\u00a01]", 1},
	{"{", 1}, {"}", 0}, {"{,}", 1}, {"{1:2}", 1}, {"{a:1}", 1}, {`{"a"}`, 4}, {`{"a":}`, 5}, {`{"a":1,}`, 7}, {`{"a":1 "b":2}`, 7}, {`{"a" 1}`, 5}, {`{"a":1]`, 6},
	{`{"a"::1}`, 5}, {`{"a":1:2}`, 6}, {`{"a",1}`, 4}, {`{'a':1}`, 1}, {`{"a":1`, 6}, {`{"a":`, 5}, {`{"a"`, 4}, {`{"a`, 3}, {`{"a":1}}`, 7}, {`{"a":1},`, 7}, {"{\"a\n\":1}", 3},
	{`{null:1}`, 1}, {`{"a":[}]`, 6}, {`[{"a":1]}`, 7}, {`{"a":1,1}`, 7}, {`{"\u00g0":1}`, 6}, {`{[]:1}`, 1},
}

// check writes the pieces to one Checker, which was used before.
func check(pieces ...string) error {
	c.Reset()
	for _, p := range pieces {
		if err := c.Write([]byte(p)); err != nil {
			return err
		}
	}
	return c.Close()
}

var c json.Checker

func TestGood(t *testing.T) {
	for _, text := range good {
		if err := check(text); err != nil || !stdjson.Valid([]byte(text)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBroken(t *testing.T) {
	for _, tt := range broken {
		err := check(tt.text)
		var e *json.Error
		if !errors.As(err, &e) || !errors.Is(err, json.ErrMalformed) || stdjson.Valid([]byte(tt.text)) {
			t.Errorf("%q: %v", tt.text, err)
		} else if e.Offset != tt.offset {
			t.Errorf("%q: %v, at %d and not %d", tt.text, err, e.Offset, tt.offset)
		}
	}
}

func TestEverySplit(t *testing.T) {
	texts := slices.Clone(good)
	for _, tt := range broken {
		texts = append(texts, tt.text)
	}
	for _, text := range texts {
		whole := check(text)
		if got := check(strings.Split(text, "")...); !same(got, whole) {
			t.Errorf("%q: %v, byte by byte %v", text, whole, got)
		}
		for i := range len(text) + 1 {
			for j := i; j <= len(text); j++ {
				if got := check(text[:i], text[i:j], text[j:]); !same(got, whole) {
					t.Fatalf("%q: %v, cut at %d and %d %v", text, whole, i, j, got)
				}
			}
		}
	}
}

func same(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}

func TestDepth(t *testing.T) {
	deep := func(n int, open, shut string) string { return strings.Repeat(open, n) + "1" + strings.Repeat(shut, n) }
	for _, tt := range []struct{ open, shut string }{{"[", "]"}, {`{"a":`, "}"}} {
		if err := check(deep(json.MaxDepth, tt.open, tt.shut)); err != nil {
			t.Error(err)
		}
		err := check(deep(json.MaxDepth+1, tt.open, tt.shut))
		var e *json.Error
		if !errors.Is(err, json.ErrTooDeep) || !errors.As(err, &e) || e.Offset != int64(json.MaxDepth*len(tt.open)) {
			t.Error(err)
		}
	}
	// Kinds of levels are told apart at every depth, also where an array was an object before.
	mixed := strings.Repeat(`[{"a":`, json.MaxDepth/2) + "1" + strings.Repeat("}]", json.MaxDepth/2)
	if err := check("[" + strings.Repeat(mixed[1:len(mixed)-1]+",", 2) + "1]"); err != nil {
		t.Error(err)
	}
	if err := check(strings.Replace(mixed, "}", "]", 1)); !errors.Is(err, json.ErrMalformed) {
		t.Error(err)
	}
}

func TestStaysBroken(t *testing.T) {
	var c json.Checker
	if c.Write([]byte("[1,]")) == nil {
		t.Fatal("no error")
	}
	if err := c.Write([]byte("1]")); !errors.Is(err, json.ErrMalformed) {
		t.Error(err)
	}
	if err := c.Close(); !errors.Is(err, json.ErrMalformed) {
		t.Error(err)
	}
	c.Reset()
	if err := errors.Join(c.Write([]byte("[1]")), c.Close()); err != nil {
		t.Error(err)
	}
}

func TestErrorText(t *testing.T) {
	for text, want := range map[string]string{
		"[1,]":      "byte 3 of the message is ']' where JSON needs a value",
		"[1":        "the message ends after 2 bytes where JSON needs a digit, '.', 'e' or the number's end",
		"\xff":      "byte 0 of the message is 0xff where JSON needs a value",
		"trux":      "byte 3 of the message is 'x' where JSON needs the rest of true",
		`"\u12 4"`:  "byte 5 of the message is ' ' where JSON needs a hexadecimal digit",
		"{\"a\n\":": "byte 3 of the message is '\\n' where JSON needs the string's end, with control characters escaped",
	} {
		if err := check(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(json.Checker{}); n > 88 {
		t.Errorf("a Checker is %d bytes", n)
	}
}

func TestAllocations(t *testing.T) {
	text := []byte(`{"a":[1,2.5,"text with \n"],"b":null}`)
	if n := testing.AllocsPerRun(100, func() {
		c.Reset()
		if c.Write(text[:7]) != nil || c.Write(text[7:]) != nil || c.Close() != nil {
			t.Error("not taken")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
