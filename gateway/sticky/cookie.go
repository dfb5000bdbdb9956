package sticky

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A token is base64url of the endpoint's ID, the time it ends at, and the first half of an HMAC-SHA256 over both and
// the cookie's name. RFC 2104 section 5 takes half a hash for long enough.
const (
	idLen    = 8
	untilLen = 8 // seconds of Unix time; 0: it does not end
	macLen   = sha256.Size / 2
	textLen  = idLen + untilLen
	rawLen   = textLen + macLen
	tokenLen = (rawLen*8 + 5) / 6
)

// encoding is strict, so that a token has one form and no other passes for it.
var encoding = base64.RawURLEncoding.Strict()

// Cookie is how clients are kept at an endpoint.
type Cookie struct {
	name       string
	ttl        time.Duration
	attributes string
	secure     bool // whatever the client speaks
	foreign    bool // it is for pages of other sites
	signers    sync.Pool
}

// signer has the room that one signature needs.
type signer struct {
	mac  hash.Hash
	name []byte
	raw  [rawLen]byte
	sum  [sha256.Size]byte
}

// New makes the cookie called name, which has to be a token (RFC 6265 section 4.1.1). The key should be random and at
// least 16 bytes. With a ttl of 0 the cookie lasts as long as the browser's session, and its token for ever. A name
// that begins with __Host- or __Secure- makes the cookie Secure always, as browsers would drop it otherwise.
func New(key []byte, name string, ttl time.Duration, sameSite http.SameSite) *Cookie {
	key = slices.Clone(key)
	c := &Cookie{name: name, ttl: ttl, attributes: attributes(ttl, sameSite), foreign: sameSite == http.SameSiteNoneMode, secure: hasPrefix(name, "__host-") || hasPrefix(name, "__secure-")}
	c.signers.New = func() any { return &signer{mac: hmac.New(sha256.New, key), name: append([]byte(name), 0)} }
	return c
}

// Browsers compare the prefixes without regard to case (RFC 6265bis section 4.1.3).
func hasPrefix(name, prefix string) bool {
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

func attributes(ttl time.Duration, sameSite http.SameSite) string {
	s := "; Path=/; HttpOnly"
	if ttl > 0 {
		s += "; Max-Age=" + strconv.FormatInt(int64((ttl+time.Second-1)/time.Second), 10)
	}
	switch sameSite {
	case http.SameSiteLaxMode:
		s += "; SameSite=Lax"
	case http.SameSiteStrictMode:
		s += "; SameSite=Strict"
	case http.SameSiteNoneMode:
		s += "; SameSite=None"
	}
	return s
}

// ID is what a token calls the endpoint of that name, the same on every gateway.
func ID(endpoint string) uint64 { return xxhash.Sum64String(endpoint) }

// Name is the cookie's.
func (c *Cookie) Name() string { return c.name }

// Read gives the endpoint's ID that a token names. It is not ok if the token is not ours or has ended. Nothing is
// allocated.
func (c *Cookie) Read(token []byte, now time.Time) (id uint64, ok bool) {
	if len(token) != tokenLen {
		return 0, false
	}
	s := c.signers.Get().(*signer)
	defer c.signers.Put(s)
	if n, err := encoding.Decode(s.raw[:], token); n != rawLen || err != nil {
		return 0, false
	}
	if !hmac.Equal(s.sign(), s.raw[textLen:]) {
		return 0, false
	}
	until := int64(binary.BigEndian.Uint64(s.raw[idLen:]))
	endless := until == 0 && c.ttl <= 0 // one made before a ttl was set has to be renewed
	if !endless && now.Unix() >= until {
		return 0, false
	}
	return binary.BigEndian.Uint64(s.raw[:]), true
}

// Value is the token for an endpoint's ID.
func (c *Cookie) Value(id uint64, now time.Time) string {
	var token [tokenLen]byte
	c.encode(&token, id, now)
	return string(token[:])
}

// SetCookie is the value of a Set-Cookie field (RFC 6265 section 4.1). secure: the client spoke TLS.
func (c *Cookie) SetCookie(id uint64, now time.Time, secure bool) string {
	var token [tokenLen]byte
	c.encode(&token, id, now)
	const secureAttribute, foreignAttribute = "; Secure", "; Partitioned"
	b := make([]byte, 0, len(c.name)+1+tokenLen+len(c.attributes)+len(secureAttribute)+len(foreignAttribute))
	b = append(append(append(append(b, c.name...), '='), token[:]...), c.attributes...)
	if secure || c.secure {
		b = append(b, secureAttribute...)
		if c.foreign { // browsers that block other sites' cookies take those that each page's site has for itself
			b = append(b, foreignAttribute...)
		}
	}
	return string(b)
}

func (c *Cookie) encode(token *[tokenLen]byte, id uint64, now time.Time) {
	s := c.signers.Get().(*signer)
	defer c.signers.Put(s)
	until := uint64(0)
	if c.ttl > 0 {
		until = uint64(now.Add(c.ttl).Unix())
	}
	binary.BigEndian.PutUint64(s.raw[:], id)
	binary.BigEndian.PutUint64(s.raw[idLen:], until)
	copy(s.raw[textLen:], s.sign())
	encoding.Encode(token[:], s.raw[:])
}

// sign covers the name too, so that a token of one cookie is none of another with the same key.
func (s *signer) sign() []byte {
	s.mac.Reset()
	s.mac.Write(s.name)
	s.mac.Write(s.raw[:textLen])
	return s.mac.Sum(s.sum[:0])[:macLen]
}
