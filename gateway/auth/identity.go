package auth

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"weir/codec/http1"
)

// Identity is who was let in. It may be shared: nobody changes it or what it refers to.
type Identity struct {
	Subject  string         // sub, the user, the key's name, or what the service calls it; "": nobody is told
	Claims   map[string]any // of a JWT: string, json.Number, bool, nil, []any or map[string]any, at most 8 levels
	Expires  time.Time      // exp with the leeway, of the wall clock; zero: never
	Fields   []http1.Field  // to be set on the way to the backend, once the client's own of all ClaimHeaders and ResponseHeaders are dropped
	Strip    Strip          // takes the credential out of what goes to the backend
	Unproved bool           // nothing of its credential was looked at, so that it must not pass, whatever the operator says of others
	Protocol string         // offered next to the token: to be selected if the backend selects none and sees neither; "": none
}

// Outcome is what a Policy says. Either Identity or Refusal is set.
type Outcome struct {
	Identity *Identity
	Refusal  *http1.Refusal
	Missing  bool   // there was no credential at all
	Detail   string // why it was refused, for the operator: a constant with nothing of the credential; not for the client

	counted bool // among failures
	forged  bool // it is a token that nobody with a key of ours has signed
}

// anonymous is one who needs no credential.
var anonymous = &Identity{}

// Claim is a claim as text: a string, a number or a boolean as it is, a list of these with commas between. A path leads
// into objects, "realm.roles"; a name with dots is found as such first. It is not ok if there is none, or no text that
// can be told from another: an object, or an item with a comma. "sub" is the Subject, whatever the method.
func (id *Identity) Claim(path string) (text string, ok bool) {
	if path == "sub" && id.Subject != "" {
		return id.Subject, true
	}
	value, ok := find(id.Claims, path)
	if !ok {
		return "", false
	}
	list, isList := value.([]any)
	if !isList {
		return scalar(value)
	}
	items := make([]string, len(list))
	for i, v := range list {
		if items[i], ok = scalar(v); !ok || strings.Contains(items[i], ",") {
			return "", false
		}
	}
	return strings.Join(items, ","), len(items) > 0
}

func find(claims map[string]any, path string) (any, bool) {
	if v, ok := claims[path]; ok {
		return v, true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			if v, ok := find(inner, path[i+1:]); ok {
				return v, true
			}
		}
	}
	return nil, false
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// ClaimHeader has a claim told to the backend in a field.
type ClaimHeader struct{ Claim, Header string }

// tell makes the fields. A claim that a field cannot hold as it is is left out: to cut it could name somebody else.
func tell(id *Identity, headers []ClaimHeader) []http1.Field {
	if len(headers) == 0 {
		return nil
	}
	fields := make([]http1.Field, 0, len(headers))
	for _, h := range headers {
		if text, ok := id.Claim(h.Claim); ok && fitsField(text) {
			fields = append(fields, http1.Field{Name: []byte(h.Header), Value: []byte(text)})
		}
	}
	return fields
}

// fitsField tells whether a field's value stays what it is (RFC 9110 section 5.5).
func fitsField[T string | []byte](text T) bool {
	b := []byte(text)
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0 && len(b) == len(bytes.TrimSpace(b))
}
