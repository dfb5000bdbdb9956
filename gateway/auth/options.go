package auth

import (
	"crypto/tls"
	"time"
)

// Options say how a Policy decides. One method or several: JWT, Basic, Keys and Forward are asked in this order, and the
// first whose credential is present decides. Forward decides about all that is left, whatever it brings.
type Options struct {
	JWT     *JWT
	Basic   *Basic
	Keys    *Keys
	Forward *Forward

	// Optional lets requests without any credential through, as nobody. A credential that is there has to be good.
	Optional bool

	Now func() time.Time // nil: time.Now
	// OnFetch is told of each fetch of a key set, nil for one that brought it, on the fetching goroutine. Its errors say
	// neither credentials nor query strings. Nil: nobody is told.
	OnFetch func(error)
}

// JWT takes signed tokens (RFC 7519, RFC 8725).
type JWT struct {
	// Algorithms are those that the issuer signs with: HS256, HS384, HS512, RS256, ..., PS256, ..., ES256, ..., EdDSA.
	Algorithms []string

	// KeyFile has PEM public keys or certificates, a JWK set, or the bytes of one HMAC secret, less a line end behind it.
	KeyFile string
	// URL has a JWK set instead, of which secrets are not taken.
	URL       string
	AllowHTTP bool          // for a URL beyond this machine: whoever is on the way can make keys
	TLS       *tls.Config   // for the URL; nil: the system's authorities
	Interval  time.Duration // between fetches; 0: 15 minutes
	Window    time.Duration // at most one fetch in it, whatever key ids come and however fetches fail; 0: 10 seconds
	Timeout   time.Duration // of a fetch; 0: 5 seconds

	From []Source // in the order they are looked at; nil: Authorization

	Issuers, Audiences []string // any of them; nil: not checked
	Required           []Requirement
	Leeway             time.Duration // for exp and nbf
	AllowEndless       bool          // tokens without exp
	Headers            []ClaimHeader
}

// Basic takes name and password (RFC 7617), from a file of lines name:hash. The hash is bcrypt, as of htpasswd -B, or for
// long random passwords alone the hex digits of SHA-256, which is quick and so is to guess by. # begins a comment.
type Basic struct {
	File   string
	Realm  string // ""; "weir"
	Header string // tells the name to the backend; "": none
	// Remember is how long a password that bcrypt has verified need not be hashed again. 0: 5 minutes; below: never.
	Remember     time.Duration
	RememberSize int // how many; 0: 1,024
}

// Keys takes API keys, which have to be random, from a file of lines name:hash with the hex digits of their SHA-256, as of
// printf %s "$key" | sha256sum.
type Keys struct {
	File   string
	From   []Source // nil: the header X-API-Key
	Header string   // tells the key's name to the backend; "": none
}

// Forward asks an HTTP service: a GET with X-Forwarded-Method, -Proto, -Host, -Uri and -For. An answer of 2xx lets in,
// 401 and 403 refuse, and anything else is Unavailable.
type Forward struct {
	URL     string        // http or https
	TLS     *tls.Config   // nil: the system's authorities
	Timeout time.Duration // of a call, the wait for its turn included; 0: 5 seconds
	// FailOpen lets in whom the service gives no answer for, or a 5xx. Nothing is told of them to the backend.
	FailOpen    bool
	Concurrency int // calls at once; 0: 64. 16 times as many may wait

	RequestHeaders  []string // of the client's that are passed on; nil: Authorization and Cookie
	ResponseHeaders []string // of a 2xx answer that go to the backend
	SubjectHeader   string   // of a 2xx answer that names the user; "": none

	// An answer is remembered for who asks exactly the same again: method, host, target, client address, RequestHeaders.
	TTL         time.Duration // of a 2xx; 0: not remembered
	NegativeTTL time.Duration // of 401 and 403; 0: not remembered
	CacheSize   int           // of each kind; 0: 4,096. One may take 10 KiB
}

func or[T comparable](value *T, other T) {
	var zero T
	if *value == zero {
		*value = other
	}
}

// fill puts in what was left out. The caller's own structs stay as they are.
func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnFetch == nil {
		o.OnFetch = func(error) {}
	}
	if o.JWT != nil {
		j := *o.JWT
		or(&j.Interval, 15*time.Minute)
		or(&j.Window, 10*time.Second)
		or(&j.Timeout, 5*time.Second)
		o.JWT = &j
	}
	if o.Basic != nil {
		b := *o.Basic
		or(&b.Realm, "weir")
		or(&b.Remember, 5*time.Minute)
		or(&b.RememberSize, 1024)
		o.Basic = &b
	}
	if o.Forward != nil {
		f := *o.Forward
		or(&f.Timeout, 5*time.Second)
		or(&f.Concurrency, 64)
		or(&f.CacheSize, 4096)
		if f.RequestHeaders == nil {
			f.RequestHeaders = []string{"Authorization", "Cookie"}
		}
		o.Forward = &f
	}
}
