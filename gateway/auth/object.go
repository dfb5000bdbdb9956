package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxDepth bounds how deeply objects and lists may nest.
const maxDepth = 8

var (
	errNotObject = errors.New("is not one JSON object in UTF-8")
	errTwice     = errors.New("names a member twice")
	errDeep      = errors.New("nests too deeply")
)

// parseObject reads b, one JSON object and nothing else. What two readers could read differently is refused: a member
// named twice (RFC 8259 section 4, RFC 7519 section 4) and bytes that are not UTF-8. Numbers stay as they are written.
func parseObject(b []byte) (object map[string]any, err error) {
	colons, depth := shape(b)
	if depth > maxDepth {
		return nil, errDeep
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if !utf8.Valid(b) || dec.Decode(&object) != nil || object == nil || len(bytes.TrimSpace(b[dec.InputOffset():])) > 0 {
		return nil, errNotObject
	}
	if members(object) < colons { // each has one, and of two with one name the map holds the last
		return nil, errTwice
	}
	return object, nil
}

// shape counts what stands outside of strings: the colons, and the most brackets that are open at once.
func shape(b []byte) (colons, depth int) {
	open, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
			if c == '\\' {
				i++
			}
		case c == ':':
			colons++
		case c == '{', c == '[':
			open++
			depth = max(depth, open)
		case c == '}', c == ']':
			open--
		}
	}
	return colons, depth
}

// members counts those of all objects in a value.
func members(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		n = len(v)
		for _, inner := range v {
			n += members(inner)
		}
	case []any:
		for _, inner := range v {
			n += members(inner)
		}
	}
	return n
}
