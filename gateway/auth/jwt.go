package auth

import (
	"context"
	"sync/atomic"

	"weir/codec/http1"
)

// bearer decides by JWT (RFC 7519).
type bearer struct {
	// Immutable.
	from    []Source
	allowed map[string]algorithm
	check   claimCheck
	headers []ClaimHeader
	file    string
	remote  *remote // nil: keys are from the file

	// Any goroutine.
	own atomic.Pointer[keyring] // from the file
}

func jwtMethod(all *Options) (method, error) {
	o := all.JWT
	if o == nil {
		return nil, nil
	}
	allowed, err := o.check()
	if err != nil {
		return nil, err
	}
	b := &bearer{from: o.From, allowed: allowed, headers: o.Headers, file: o.KeyFile}
	if len(b.from) == 0 {
		b.from = []Source{Authorization}
	}
	b.check = newClaimCheck(o, all.Now)
	if o.URL != "" {
		b.remote = newRemote(o, allowed, all)
		return b, nil
	}
	return b, b.reload()
}

// reload reads the key file again; the old keys stay if it fails.
func (b *bearer) reload() error {
	if b.file == "" {
		return nil
	}
	kr, err := load(b.file, func(content []byte) (*keyring, error) { return parseFile(content, b.allowed) })
	if err == nil {
		b.own.Store(kr)
	}
	return err
}

func (b *bearer) ring() *keyring {
	if b.remote != nil {
		return b.remote.ring.Load()
	}
	return b.own.Load()
}

// noTime is the context of those who must not wait.
var noTime = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (b *bearer) now(r *Request) (Outcome, verdict) { return b.look(noTime, r) }

func (b *bearer) wait(ctx context.Context, r *Request) Outcome {
	out, v := b.look(ctx, r)
	if v == waits && ctx.Err() == nil && b.remote.await(ctx) {
		out, v = b.look(ctx, r)
	}
	switch {
	case v == decided:
		return out
	case ctx.Err() != nil:
		return refuse(Unavailable, "no time was left to check a token")
	}
	return b.unknown()
}

// look decides by the keys at hand. What it leaves to wait for are keys that may come, and slow algorithms if ctx has
// ended.
func (b *bearer) look(ctx context.Context, r *Request) (Outcome, verdict) {
	for _, src := range b.from {
		credential, n := src.find(r)
		switch {
		case n == 0:
			continue
		case n > 1:
			return refuse(bearers.invalid, "more than one token"), decided
		}
		return b.judge(ctx, credential, src)
	}
	return Outcome{}, absent
}

// unknown is what a token gets whose key is not there. It is not called invalid while a key set is out of reach: its
// client would throw it away.
func (b *bearer) unknown() Outcome {
	if b.remote != nil && b.remote.stale() {
		return refuse(Unavailable, "the key set has no such key id and cannot be fetched")
	}
	return refuse(bearers.invalid, "unknown key id")
}

func (b *bearer) judge(ctx context.Context, credential []byte, src Source) (Outcome, verdict) {
	t, fault := parseToken(credential)
	if fault != "" {
		return refuse(bearers.invalid, fault), decided
	}
	a, ok := b.allowed[t.alg]
	if !ok {
		return refuse(bearers.invalid, "the token's algorithm is not allowed"), decided
	}
	keys, n, known := b.ring().fitting(t.kid, t.alg, a)
	switch {
	case !known && b.remote != nil && b.remote.may():
		return Outcome{}, waits
	case !known:
		return b.unknown(), decided
	case n == 0:
		return refuse(bearers.invalid, "no key serves the token's algorithm"), decided
	case a.slow && !turn(ctx):
		return Outcome{}, waits
	}
	good := verified(&t, a, keys[:n])
	if a.slow {
		<-computing
	}
	if !good {
		return refuse(bearers.invalid, "the signature is wrong"), decided
	}
	return b.admit(&t, src), decided
}

// admit decides about a token whose signature is good.
func (b *bearer) admit(t *token, src Source) Outcome {
	claims, fault := decodeObject(t.payload)
	if fault != "" {
		return refuse(bearers.invalid, "the token's payload "+fault)
	}
	id := &Identity{Claims: claims, Strip: b.from}
	if why, fault := b.check.apply(id); why != nil {
		return refuse(why, fault)
	}
	id.Fields = tell(id, b.headers)
	if src.Place == Protocol {
		id.Protocol = src.Name
	}
	return Outcome{Identity: id}
}

func verified(t *token, a algorithm, keys []key) bool {
	for _, k := range keys {
		if a.method.Verify(t.signed, t.signature, k.value) == nil {
			return true
		}
	}
	return false
}

func refuse(why *http1.Refusal, detail string) Outcome { return Outcome{Refusal: why, Detail: detail} }

func (b *bearer) close() {
	if b.remote != nil {
		b.remote.close()
	}
}
