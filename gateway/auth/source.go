package auth

import (
	"bytes"
	"fmt"
	"strings"

	"weir/codec/http1"
)

// Place is a part of a request that may carry a credential.
type Place uint8

const (
	Header         Place = iota // a field
	Cookie                      // a cookie (RFC 6265 section 4.2)
	Query                       // a parameter of the query
	Protocol                    // of the subprotocols that a client offers, the one after Name
	ProtocolPrefix              // of the subprotocols that a client offers, what follows the prefix Name
)

var places = [...]string{Header: "header", Cookie: "cookie", Query: "query", Protocol: "protocol", ProtocolPrefix: "protocol-prefix"}

// Source is where a credential is looked for. Browsers cannot set a field on a WebSocket handshake, so that pages use a
// cookie, the query or an offered subprotocol: new WebSocket(url, ["bearer", token]).
type Source struct {
	Place  Place
	Name   string
	Scheme string // of Header: the authentication scheme before the credential (RFC 9110 section 11.4); "": none
}

// Authorization is the field that RFC 6750 section 2.1 has tokens in.
var Authorization = Source{Header, "Authorization", "Bearer"}

const protocolField = "Sec-WebSocket-Protocol"

// ParseSource reads "header" (Authorization with Bearer), "header:NAME" (the bare value), "cookie:NAME", "query:NAME",
// "protocol:NAME" or "protocol-prefix:PREFIX".
func ParseSource(s string) (Source, error) {
	place, name, _ := strings.Cut(s, ":")
	if s == "header" || strings.EqualFold(s, "header:authorization") {
		return Authorization, nil
	}
	for p, word := range places {
		if word == place {
			src := Source{Place: Place(p), Name: name}
			return src, src.check()
		}
	}
	return Source{}, fmt.Errorf("credential source %q: want header, header:NAME, cookie:NAME, query:NAME, protocol:NAME or protocol-prefix:PREFIX", s)
}

func (s Source) String() string {
	if s == Authorization {
		return "header"
	}
	return places[s.Place] + ":" + s.Name
}

// check: every name but a query's is a token; a parameter may be called more.
func (s Source) check() error {
	if int(s.Place) >= len(places) {
		return fmt.Errorf("credential source: there is no place %d", s.Place)
	}
	name := s.Name
	if s.Place == Query {
		name = strings.NewReplacer("[", "", "]", "").Replace(name)
	}
	if !isToken(name) {
		return fmt.Errorf("credential source %s: %q cannot be a name there", s, s.Name)
	}
	return nil
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// find gives the first credential there and how many there are. Empty ones do not count.
func (s Source) find(r *Request) (credential []byte, n int) {
	take := func(value []byte) {
		if len(value) > 0 {
			if n++; n == 1 {
				credential = value
			}
		}
	}
	switch s.Place {
	case Query:
		each(r.Query, '&', func(_, name, value []byte) bool {
			if string(unescape(name)) == s.Name {
				take(unescape(value))
			}
			return true
		})
	case Header:
		for i := range r.Fields {
			if http1.Same(r.Fields[i].Name, s.Name) {
				take(s.afterScheme(r.Fields[i].Value))
			}
		}
	case Cookie:
		for i := range r.Fields {
			if !http1.Same(r.Fields[i].Name, "Cookie") {
				continue
			}
			each(r.Fields[i].Value, ';', func(_, name, value []byte) bool {
				if string(name) == s.Name {
					take(value)
				}
				return true
			})
		}
	default:
		s.offers(r.Fields, func(_ int, item, value []byte) { take(value) })
	}
	return credential, n
}

// afterScheme is the credential of a field's value, nil if that is of another scheme. A tab separates too: some backend
// may take it for a space.
func (s Source) afterScheme(value []byte) []byte {
	if s.Scheme == "" {
		return value
	}
	n := len(s.Scheme)
	if len(value) <= n || value[n] != ' ' && value[n] != '\t' || !http1.Same(value[:n], s.Scheme) {
		return nil
	}
	return bytes.TrimLeft(value[n:], " \t")
}

// offers calls yield with each subprotocol that is offered, and the index of its field. value is nil for those that
// carry no credential, and empty for the marker in front of one. Repeated fields are one list (RFC 6455 section 11.3.4).
func (s Source) offers(fields []http1.Field, yield func(field int, item, value []byte)) {
	marked := false
	for i := range fields {
		if !http1.Same(fields[i].Name, protocolField) {
			continue
		}
		each(fields[i].Value, ',', func(item, _, _ []byte) bool {
			switch {
			case marked:
				marked = false
				yield(i, item, item)
			case s.Place == Protocol && string(item) == s.Name:
				marked = true
				yield(i, item, item[:0])
			case s.Place == ProtocolPrefix && len(item) > len(s.Name) && string(item[:len(s.Name)]) == s.Name:
				yield(i, item, item[len(s.Name):])
			default:
				yield(i, item, nil)
			}
			return true
		})
	}
}
