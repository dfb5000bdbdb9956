package rate_test

import (
	"strings"
	"testing"
	"time"

	"weir/gateway/rate"
)

func parse(t testing.TB, text string) *rate.Limit {
	t.Helper()
	l, err := rate.ParseLimit(text)
	if err != nil {
		t.Fatal(err)
	}
	return &l
}

func TestParseLimit(t *testing.T) {
	for _, c := range []struct {
		text, back string
		want       rate.Limit
	}{
		{"100/s", "100/s", rate.Limit{N: 100, Per: time.Second, Burst: 100}},
		{"100/60s", "100/m", rate.Limit{N: 100, Per: time.Minute, Burst: 100}},
		{"100/m", "100/m", rate.Limit{N: 100, Per: time.Minute, Burst: 100}},
		{"5/90s", "5/90s", rate.Limit{N: 5, Per: 90 * time.Second, Burst: 5}},
		{"1000/1h30m", "1000/90m", rate.Limit{N: 1000, Per: 90 * time.Minute, Burst: 1000}},
		{"1/100ms", "1/100ms", rate.Limit{N: 1, Per: 100 * time.Millisecond, Burst: 1}},
		{"10/s burst 50", "10/s burst 50", rate.Limit{N: 10, Per: time.Second, Burst: 50}},
		{"  10/s  burst\t50 ", "10/s burst 50", rate.Limit{N: 10, Per: time.Second, Burst: 50}},
		{"10/s burst 10", "10/s", rate.Limit{N: 10, Per: time.Second, Burst: 10}},
		{"0.5/s", "0.5/s", rate.Limit{N: 0.5, Per: time.Second, Burst: 1}},
		{"64KiB/s", "64KiB/s", rate.Limit{N: 65536, Per: time.Second, Burst: 65536, Bytes: true}},
		{"1.5MiB/s burst 4m", "1536KiB/s burst 4MiB", rate.Limit{N: 1.5 * (1 << 20), Per: time.Second, Burst: 4 << 20, Bytes: true}},
		{"1000B/s burst 2K", "1000B/s burst 2KiB", rate.Limit{N: 1000, Per: time.Second, Burst: 2048, Bytes: true}},
		{"1GB/m", "1GiB/m", rate.Limit{N: 1 << 30, Per: time.Minute, Burst: 1 << 30, Bytes: true}},
		{"8000000000/s", "8000000000/s", rate.Limit{N: 8e9, Per: time.Second, Burst: 8e9}},
		{"7/168h", "7/168h", rate.Limit{N: 7, Per: 168 * time.Hour, Burst: 7}},
		{"off", "off", rate.Limit{}},
	} {
		var l rate.Limit
		if err := l.UnmarshalText([]byte(c.text)); err != nil || l != c.want {
			t.Errorf("%q: %+v, %v, want %+v", c.text, l, err, c.want)
		}
		if l.String() != c.back {
			t.Errorf("%q: its text is %q, want %q", c.text, l, c.back)
		}
		if again := parse(t, l.String()); *again != l {
			t.Errorf("%q: %q is read back as %+v", c.text, l, again)
		}
	}
}

func TestParseLimitErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "is not a limit",
		"100":                                   "is not a limit",
		"100/":                                  "is not a limit",
		"/s":                                    "is not a limit",
		"100/x":                                 "is not a limit",
		"100/60":                                "is not a limit",
		"100/0s":                                "is not a limit",
		"100/-1s":                               "is not a limit",
		"100/s/s":                               "is not a limit",
		"-1/s":                                  "is not a limit",
		"1e3/s":                                 "is not a limit",
		"NaN/s":                                 "is not a limit",
		"Inf/s":                                 "is not a limit",
		"0x10/s":                                "is not a limit",
		"1_000/s":                               "is not a limit",
		"1.2.3/s":                               "is not a limit",
		"64 KiB/s":                              "is not a limit",
		"64QiB/s":                               "is not a limit",
		"10/s burst":                            "is not a limit",
		"10/s burst x":                          "is not a limit",
		"10/s burst 5 or 6":                     "is not a limit",
		"10/s bust 5":                           "is not a limit",
		"Off":                                   "is not a limit",
		"0/s":                                   "write off",
		"10/s burst 0.5":                        "burst below 1",
		"9000000000/s":                          "the most is 8000000000",
		"1/h burst 1000":                        "more than 168 hours",
		"1/169h":                                "more than 168 hours",
		"1/s burst " + strings.Repeat("9", 400): "is not a limit",
		strings.Repeat("9", 300) + "/s":         "the most is",
	} {
		l := rate.Limit{N: 42}
		if err := l.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+text+`"`) || l.N != 42 {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseLimit(f *testing.F) {
	for _, s := range []string{"100/60s", "64KiB/s burst 1MiB", "0.1/m", "1/7h", "off"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := rate.ParseLimit(text)
		if err != nil {
			return
		}
		if again, err := rate.ParseLimit(l.String()); err != nil || again != l {
			t.Fatalf("%q is %+v, its text %q is %+v, %v", text, l, l.String(), again, err)
		}
		var b rate.Bucket
		if l.Per > 0 && (!b.Take(&l, 0, l.Burst) || b.Take(&l, 0, l.Burst) || b.Wait(&l, 0, l.Burst) > 169*time.Hour) {
			t.Fatalf("%q: its burst is not there once", text)
		}
	})
}
