package auth

import (
	"cmp"
	"runtime"
	"time"

	"weir/gateway/limits"
	"weir/internal/watch"
)

// Options say how a Policy decides. One method or several: JWT, Basic, Keys and Forward are asked in this order, and the
// first whose credential is present decides. Forward decides about all that is left, whatever it brings.
type Options struct {
	Past    watch.Past // of the configuration before; nil: there is none
	JWT     *JWT
	Basic   *Basic
	Keys    *Keys
	Forward *Forward

	// Optional lets requests without any credential through, as nobody. A credential that is there has to be good.
	Optional bool

	Compute    *limits.Turns // for passwords and slow signatures; nil: half the processors
	Failures   *Failures     // counts credentials that are not valid; nil: nobody does
	IPv6Prefix int           // bits of an IPv6 address that count as one client; 0: all

	Now func() time.Time // nil: time.Now
	// OnFetch is told of each fetch of a key set, nil for one that brought it, on the fetching goroutine. Its errors say
	// neither credentials nor query strings. Nil: nobody is told.
	OnFetch func(error)
	// OnSilence is told of each call of Forward's service that decided nothing, on the goroutine of the call. Its errors
	// say neither credentials nor query strings. Nil: nobody is told.
	OnSilence func(error)
}

// JWT takes signed tokens (RFC 7519, RFC 8725).
type JWT struct {
	// Algorithms are those that the issuer signs with: HS256, HS384, HS512, RS256, ..., PS256, ..., ES256, ..., EdDSA.
	Algorithms []string

	// KeyFile has PEM public keys or certificates, a JWK set, or the bytes of one HMAC secret, less a line end behind it.
	KeyFile string
	// URL has a JWK set instead, of which secrets are not taken. It is https, or http of this machine.
	URL string

	From []Source // in the order they are looked at; nil: Authorization

	Issuers, Audiences []string      // any of them; nil: not checked
	Leeway             time.Duration // for exp and nbf
	AllowEndless       bool          // tokens without exp
	Headers            []ClaimHeader

	times fetchTimes
}

// fetchTimes are those of a key set from a URL; tests have shorter ones.
type fetchTimes struct {
	interval time.Duration // between fetches; 0: 15 minutes
	window   time.Duration // at most one fetch in it, whatever key ids come and however fetches fail; 0: 10 seconds
	timeout  time.Duration // of a fetch; 0: 5 seconds
}

// Basic takes name and password (RFC 7617), from a file of lines name:hash. The hash is bcrypt, as of htpasswd -B, or for
// long random passwords alone the hex digits of SHA-256, which is quick and so is to guess by. # begins a comment.
type Basic struct{ File string }

// Keys takes API keys in the header X-API-Key. They have to be random. The file has lines name:hash with the hex digits of
// their SHA-256, as of printf %s "$key" | sha256sum.
type Keys struct{ File string }

// Forward asks an HTTP service: a GET with X-Forwarded-Method, -Proto, -Host, -Uri and -For, and with the client's
// Authorization and Cookie. An answer of 2xx lets in, 401 and 403 refuse, and anything else is Unavailable.
type Forward struct {
	URL     string        // http or https
	Timeout time.Duration // of a call, the wait for its turn included; 0: 5 seconds

	ResponseHeaders []string // of a 2xx answer that go to the backend
	SubjectHeader   string   // of a 2xx answer that names the user; "": none

	// An answer is remembered for who asks exactly the same again: method, host, target, client address, credentials.
	TTL         time.Duration // of a 2xx; 0: not remembered
	NegativeTTL time.Duration // of 401 and 403; 0: not remembered

	bounds forwardBounds
}

// forwardBounds are fewer in tests.
type forwardBounds struct {
	concurrency int // calls at once; 0: 64. 16 times as many may wait
	cacheSize   int // answers remembered, of 2xx and others each; 0: 4,096. One may take 10 KiB
}

// fill puts in what was left out. The caller's own structs stay as they are.
func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.IPv6Prefix == 0 {
		o.IPv6Prefix = 128
	}
	if o.Compute == nil {
		o.Compute = limits.NewTurns(runtime.GOMAXPROCS(0)/2, o.IPv6Prefix)
	}
	if o.OnFetch == nil {
		o.OnFetch = func(error) {}
	}
	if o.OnSilence == nil {
		o.OnSilence = func(error) {}
	}
	if o.JWT != nil {
		j := *o.JWT
		j.times = fetchTimes{cmp.Or(j.times.interval, 15*time.Minute), cmp.Or(j.times.window, 10*time.Second), cmp.Or(j.times.timeout, 5*time.Second)}
		o.JWT = &j
	}
	if o.Forward != nil {
		f := *o.Forward
		f.Timeout = cmp.Or(f.Timeout, 5*time.Second)
		f.bounds = forwardBounds{cmp.Or(f.bounds.concurrency, 64), cmp.Or(f.bounds.cacheSize, 4096)}
		o.Forward = &f
	}
}
