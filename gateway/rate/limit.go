package rate

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"weir/internal/bytesize"
)

// Limit allows N tokens per Per, and Burst of them at once. The zero Limit allows everything. As text: "100/s",
// "100/60s", "10/s burst 50", "64KiB/s", or "off".
type Limit struct {
	N     float64
	Per   time.Duration
	Burst float64 // N, or 1 if that is more, where the text does not say
	Bytes bool    // the text speaks of sizes, so that this limits no count
}

const (
	maxRefill = 7 * 24 * time.Hour      // of an empty bucket; keeps the arithmetic exact
	maxRate   = float64(ticksPerSecond) // tokens per second, so that each costs a tick
)

// ParseLimit reads a limit's text. The burst is at least 1; an empty bucket is full again after 7 days at most.
func ParseLimit(text string) (l Limit, err error) {
	if text == "off" {
		return Limit{}, nil
	}
	words := strings.Fields(text)
	if len(words) != 1 && (len(words) != 3 || words[1] != "burst") {
		return Limit{}, notLimit(text)
	}
	amount, period, _ := strings.Cut(words[0], "/")
	var ok, sized bool
	if l.N, l.Bytes, ok = parseAmount(amount); !ok {
		return Limit{}, notLimit(text)
	}
	if l.Per, ok = parsePeriod(period); !ok {
		return Limit{}, notLimit(text)
	}
	l.Burst = max(l.N, 1)
	if len(words) == 3 {
		if l.Burst, sized, ok = parseAmount(words[2]); !ok {
			return Limit{}, notLimit(text)
		}
		l.Bytes = l.Bytes || sized
	}
	if err := l.check(); err != nil {
		return Limit{}, fmt.Errorf("%q %w", text, err)
	}
	return l, nil
}

func notLimit(text string) error {
	return fmt.Errorf(`%q is not a limit; write a number and its time, as in 100/s, 100/60s, 64KiB/s or "10/s burst 50", or off`, text)
}

func (l *Limit) check() error {
	switch perSecond := l.N / l.Per.Seconds(); {
	case l.N == 0:
		return errors.New("allows nothing at all; write off for no limit")
	case l.Burst < 1:
		return errors.New("has a burst below 1, with which nothing would ever pass")
	case perSecond > maxRate:
		return fmt.Errorf("is too much; the most is %.0f in a second", maxRate)
	case l.Burst/perSecond > maxRefill.Seconds():
		return fmt.Errorf("takes more than %.0f hours to allow its burst again; lower the burst or raise the rate", maxRefill.Hours())
	}
	return nil
}

// parseAmount reads "100", "0.5" or "64KiB".
func parseAmount(s string) (n float64, sized, ok bool) {
	number, unit, bytes, ok := bytesize.Cut(s)
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || strings.Trim(number, "0123456789.") != "" || math.IsInf(n, 0) {
		return 0, false, false
	}
	return n * float64(bytes), unit != "", true
}

// parsePeriod reads "60s", or "s" for 1s.
func parsePeriod(s string) (time.Duration, bool) {
	if s != "" && strings.IndexByte("0123456789.", s[0]) < 0 {
		s = "1" + s
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// String is the text that ParseLimit makes the same limit of.
func (l Limit) String() string {
	if l.Per == 0 {
		return "off"
	}
	s := l.amount(l.N) + "/" + periodText(l.Per)
	if l.Burst != max(l.N, 1) {
		s += " burst " + l.amount(l.Burst)
	}
	return s
}

func (l *Limit) amount(n float64) string {
	plain := strconv.FormatFloat(n, 'f', -1, 64)
	if !l.Bytes {
		return plain
	}
	if text := bytesize.Text(int64(n)); n == math.Trunc(n) && text != plain {
		return text
	}
	return plain + "B"
}

// periodText writes "s" for a second, "90s" for one and a half minutes, "h" for an hour.
func periodText(d time.Duration) string {
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		switch {
		case d == u.unit:
			return u.name
		case d%u.unit == 0:
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return d.String()
}

// UnmarshalText is ParseLimit.
func (l *Limit) UnmarshalText(text []byte) (err error) {
	parsed, err := ParseLimit(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}
