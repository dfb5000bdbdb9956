package deflate

import (
	"bytes"

	"weir/codec/internal/chars"
)

// MaxOffers is how many offers are kept; those after are what the client likes least.
const MaxOffers = 8

// The extension and its parameters (RFC 7692 section 7).
const (
	name           = "permessage-deflate"
	serverTakeover = "server_no_context_takeover"
	clientTakeover = "client_no_context_takeover"
	serverBits     = "server_max_window_bits"
	clientBits     = "client_max_window_bits"
)

// Offer is one permessage-deflate that a client offers, in order (section 7.1). Window sizes are 0 where not given.
type Offer struct {
	ServerNoContextTakeover bool
	ClientNoContextTakeover bool
	ServerMaxWindowBits     uint8
	ClientMaxWindowBits     uint8 // 15 if given without a value
}

// ParseOffers appends the offers that value, one Sec-WebSocket-Extensions field of a request, holds. A request may have
// many such fields, which are one list: parse each and append. Other extensions are passed over, and so are offers that
// section 7.1 tells to decline: with parameters or values that it does not define, or the same one twice. The error is
// [ErrSyntax].
func ParseOffers(dst []Offer, value []byte) ([]Offer, error) {
	l := lexer{rest: value}
	for {
		for l.skip(',') { // empty elements (RFC 9110 section 5.6.1)
		}
		if len(l.rest) == 0 {
			return dst, nil
		}
		extension := l.token()
		offer, good := Offer{}, string(extension) == name
		for l.skip(';') {
			parameter, v, given := l.parameter()
			good = good && offer.set(string(parameter), v, given)
		}
		if l.bad || len(l.rest) > 0 && l.rest[0] != ',' {
			return dst, ErrSyntax
		}
		if good && len(dst) < MaxOffers {
			dst = append(dst, offer)
		}
	}
}

// set takes one parameter into the offer, and tells whether the offer may still be accepted.
func (o *Offer) set(parameter string, value []byte, given bool) bool {
	switch parameter {
	case serverTakeover:
		return !given && once(&o.ServerNoContextTakeover, true)
	case clientTakeover:
		return !given && once(&o.ClientNoContextTakeover, true)
	case serverBits:
		bits := windowBits(value)
		return bits != 0 && once(&o.ServerMaxWindowBits, bits)
	case clientBits:
		bits := uint8(MaxWindowBits)
		if given {
			bits = windowBits(value)
		}
		return bits != 0 && once(&o.ClientMaxWindowBits, bits)
	}
	return false
}

// once sets what was not set before.
func once[T comparable](p *T, v T) bool {
	var unset T
	first := *p == unset
	*p = v
	return first
}

// windowBits reads 8 to 15 without leading zeros (section 7.1.2), 0 for anything else.
func windowBits(v []byte) uint8 {
	switch {
	case len(v) == 1 && '8' <= v[0] && v[0] <= '9':
		return v[0] - '0'
	case len(v) == 2 && v[0] == '1' && '0' <= v[1] && v[1] <= '5':
		return 10 + v[1] - '0'
	}
	return 0
}

// lexer walks a list of extensions (the grammar of RFC 6455 section 9.1).
type lexer struct {
	rest []byte
	bad  bool
}

// skip passes sep and the white space around it, if sep stands there.
func (l *lexer) skip(sep byte) bool {
	l.rest = trim(l.rest)
	if len(l.rest) == 0 || l.rest[0] != sep {
		return false
	}
	l.rest = trim(l.rest[1:])
	return true
}

// parameter reads a name and perhaps a value. A value may be quoted, but has to be a token then too.
func (l *lexer) parameter() (parameter, value []byte, given bool) {
	parameter = l.token()
	if !l.skip('=') {
		return parameter, nil, false
	}
	quoted := l.quote()
	value = l.token()
	if quoted && !l.quote() {
		l.bad = true
	}
	return parameter, value, true
}

func (l *lexer) quote() bool {
	if len(l.rest) == 0 || l.rest[0] != '"' {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

func (l *lexer) token() []byte {
	n := 0
	for n < len(l.rest) && isToken[l.rest[n]] {
		n++
	}
	token := l.rest[:n]
	l.rest = l.rest[n:]
	l.bad = l.bad || n == 0
	return token
}

func trim(b []byte) []byte { return bytes.TrimLeft(b, " \t") }

var isToken = chars.Table("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-.^_`|~")
