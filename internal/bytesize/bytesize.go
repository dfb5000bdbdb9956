package bytesize

import (
	"strconv"
	"strings"
)

var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// Cut splits "64KiB" into its number, which it does not look at, and its unit: "64", "KiB" and 1024. Without a unit it
// is "" and 1, with "B" 1. ok is false for letters of units that make none.
func Cut(text string) (number, unit string, bytes int64, ok bool) {
	number = strings.TrimRight(text, "KMGiBkmgb")
	unit = text[len(number):]
	if unit == "" || unit == "B" {
		return number, unit, 1, true
	}
	for _, u := range units {
		if strings.EqualFold(unit, u.name) || strings.EqualFold(unit, u.name[:1]) || strings.EqualFold(unit, u.name[:1]+"B") {
			return number, unit, u.bytes, true
		}
	}
	return number, unit, 0, false
}

// Text is n as the largest unit that makes it a whole number, or as plain digits: "64KiB", "100".
func Text(n int64) string {
	for _, u := range units {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
