package http1

import (
	"fmt"
	"strings"
	"unsafe"

	"weir/codec/internal/chars"
)

// Op is what a Rule does with a field.
type Op uint8

const (
	Set    Op = iota // replaces all fields of the name
	Add              // adds one more
	Remove           // removes all of the name
)

// Rule changes the fields that pass. Rules work in their order, on what the ones before have left.
type Rule struct {
	Op          Op
	Name, Value string
}

// ParseRule reads "set NAME: VALUE", "add NAME: VALUE" or "remove NAME". Names of the handshake and of framing are
// refused, as a rule on one would break a session or smuggle; Host can be set (for requests), not added or removed.
func ParseRule(s string) (Rule, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	name, value, colon := strings.Cut(rest, ":")
	r := Rule{Name: strings.TrimSpace(name), Value: strings.Trim(value, " \t")}
	switch word {
	case "set":
		r.Op = Set
	case "add":
		r.Op = Add
	case "remove":
		r.Op = Remove
	default:
		return Rule{}, fmt.Errorf("header rule %q: begins with %q, not with set, add or remove", s, word)
	}
	if colon != (r.Op != Remove) {
		return Rule{}, fmt.Errorf(`header rule %q: has to read "set NAME: VALUE", "add NAME: VALUE" or "remove NAME"`, s)
	}
	if err := r.check(); err != nil {
		return Rule{}, fmt.Errorf("header rule %q: %w", s, err)
	}
	return r, nil
}

func (r Rule) check() error {
	name, value := bytesOf(r.Name), bytesOf(r.Value)
	switch {
	case len(name) == 0 || !chars.All(name, &isToken):
		return fmt.Errorf("%q is not a field name", r.Name)
	case control(value) < len(value):
		return fmt.Errorf("the value holds the control byte %#02x", r.Value[control(value)])
	case notInRules.has(name):
		return fmt.Errorf("%s frames messages or makes the handshake: the gateway alone writes it", r.Name)
	case is(name, "host") && r.Op != Set:
		return fmt.Errorf("Host can only be set: a request has exactly one")
	case is(name, "host") && !validHost(value):
		return fmt.Errorf("%q is not a host with an optional port", r.Value)
	}
	return nil
}

func (r Rule) field() Field { return Field{Name: bytesOf(r.Name), Value: bytesOf(r.Value)} }

// bytesOf views a string without copying it. Fields are never written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf views bytes as a string without copying them, for as long as nobody writes to them.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
