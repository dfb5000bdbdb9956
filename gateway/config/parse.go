package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse turns what a source says into a value of the knob's type. Of several
// texts a list takes all, anything else the last.
func (k *knob) parse(texts ...string) (any, error) {
	if slices.ContainsFunc(texts, isQuoted) {
		return nil, errQuoted
	}
	v := reflect.New(k.typ).Elem()
	if k.isList() {
		list, err := k.parseList(texts)
		v.Set(reflect.ValueOf(list))
		return v.Interface(), err
	}
	var err error
	switch text := strings.TrimSpace(texts[len(texts)-1]); {
	case text == "" && k.filled:
		err = k.empty()
	case k.none == "" || text != k.none:
		err = setText(v, text)
	}
	return v.Interface(), err
}

func (k *knob) parseList(texts []string) ([]string, error) {
	list := []string{}
	for _, text := range texts {
		for element := range strings.SplitSeq(text, k.sep) {
			if element = strings.TrimSpace(element); element != "" {
				list = append(list, element)
			}
		}
	}
	switch {
	case slices.ContainsFunc(list, isQuoted):
		return nil, errQuoted
	case len(list) == 0 && k.filled:
		return nil, k.empty()
	case k.none == "" || !slices.Contains(list, k.none):
		return list, nil
	case len(list) > 1:
		return nil, fmt.Errorf("%s is the word for none and stands alone; take it away, or the rest", k.none)
	}
	return list[:0], nil
}

var errQuoted = errors.New("the quotes around the value count as a part of it (a file of variables, as of docker --env-file, keeps them); take them away")

// isQuoted tells of quotes that a shell or YAML would have taken away, were they not in quotes themselves.
func isQuoted(text string) bool {
	text = strings.TrimSpace(text)
	last := len(text) - 1
	return last > 0 && text[0] == text[last] && (text[0] == '"' || text[0] == '\'')
}

// empty is the error for a value that restricts and came empty, as from a variable that nobody has set.
func (k *knob) empty() error {
	if k.none == "" {
		return errors.New("is empty, and would restrict nothing; give a value or take it away")
	}
	return fmt.Errorf("is empty, and would restrict nothing; give a value, unset it, or write %s", k.none)
}

// setText is where text becomes a value. Its errors say what would be right.
func setText(v reflect.Value, text string) (err error) {
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		if *p, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%q is not true or false", text)
		}
	case *int:
		if *p, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
	case *float64:
		if *p, err = strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
	case *time.Duration:
		if *p, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("%q is not a duration; write a number and its unit, such as 500ms, 30s or 1h", text)
		}
	case *slog.Level:
		if p.UnmarshalText([]byte(text)) != nil {
			return fmt.Errorf("%q is not debug, info, warn or error", text)
		}
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	default:
		panic("config: no way to read a " + v.Type().String())
	}
	return nil
}

// text is the value as a user would write it; parse reads it back.
func (k *knob) text(v reflect.Value) string {
	if k.none != "" && v.Len() == 0 {
		return k.none
	}
	switch v := v.Interface().(type) {
	case []string:
		return strings.Join(v, k.sep)
	case time.Duration:
		return durationText(v)
	case slog.Level:
		return strings.ToLower(v.String())
	default:
		return fmt.Sprint(v)
	}
}

// durationText writes 1h, not 1h0m0s.
func durationText(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// A limit bounds a number, a duration or a size.
type limit struct {
	set        bool
	off        bool // 0 is allowed, wherever low stands
	low, high  float64
	rangeWords string // "1s to 24h, or 0"
}

// parseLimit reads a range tag. A tag it cannot read is a mistake in Config.
func parseLimit(t reflect.Type, tag string) limit {
	if tag == "" {
		return limit{}
	}
	bounds, off := strings.CutPrefix(tag, "0|")
	low, high, _ := strings.Cut(bounds, "..")
	l := limit{set: true, off: off, rangeWords: low + " to " + high}
	if off {
		l.rangeWords += ", or 0"
	}
	for text, bound := range map[string]*float64{low: &l.low, high: &l.high} {
		v := reflect.New(t).Elem()
		if err := setText(v, text); err != nil {
			panic("config: range " + tag + ": " + err.Error())
		}
		*bound = number(v)
	}
	return l
}

// admits is false for NaN too.
func (l limit) admits(v reflect.Value) bool {
	n := number(v)
	return l.off && n == 0 || l.low <= n && n <= l.high
}

func number(v reflect.Value) float64 {
	if v.CanInt() {
		return float64(v.Int())
	}
	return v.Float()
}
