package auth

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"weir/codec/http1"
	"weir/gateway/limits"
	"weir/internal/watch"
)

// bearer decides by JWT (RFC 7519).
type bearer struct {
	// Immutable.
	from    []Source
	allowed map[string]algorithm
	check   claimCheck
	headers []ClaimHeader
	compute *limits.Turns
	remote  *remote                // nil: keys are from the file
	own     *watch.Files[*keyring] // nil: from remote
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
	b := &bearer{from: o.From, allowed: allowed, headers: o.Headers, compute: all.Compute}
	if len(b.from) == 0 {
		b.from = []Source{Authorization}
	}
	b.check = newClaimCheck(o, all.Now)
	if o.URL != "" {
		b.remote = newRemote(o, allowed, all)
		if was := inherited[*remote](all.Past, b.remote.key()); was != nil {
			b.remote.ring.Store(was.ring.Load()) // until the first fetch
		}
	} else {
		b.own = fileOf(all.Past, "jwt-keys", o.KeyFile, func(content []byte) (*keyring, error) { return parseFile(content, allowed) })
		b.own.Terms = fmt.Sprint(slices.Sorted(maps.Keys(allowed)))
	}
	return b, nil
}

// guess is false: whoever has a good token is not to be refused for others' bad ones. Those count by themselves, see forged.
func (b *bearer) guess(*Request) bool { return false }

func (b *bearer) reload() []watch.Outcome {
	if b.own == nil {
		return nil
	}
	return []watch.Outcome{b.own.Look()}
}

func (b *bearer) file(key string) any {
	if b.remote != nil && b.remote.key() == key {
		return b.remote
	}
	return keyed(b.own, key)
}

func (b *bearer) ring() *keyring {
	if b.remote != nil {
		return b.remote.ring.Load()
	}
	return b.own.Value()
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
	if v == waits && ctx.Err() == nil && b.remote.await(ctx, r.Client) {
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
		return b.judge(ctx, r.Client, credential, src)
	}
	return Outcome{}, absent
}

// unknown is what a token gets that no key fits. It is not called invalid while a key set that may have its key is out of
// reach: its client would throw it away.
func (b *bearer) unknown() Outcome {
	if b.remote != nil && b.remote.stale() {
		return refuse(Unavailable, "the key set has no key that fits and cannot be fetched")
	}
	return forged("no key fits the token")
}

func (b *bearer) judge(ctx context.Context, client netip.Addr, credential []byte, src Source) (Outcome, verdict) {
	t, fault := parseToken(credential)
	if fault != "" {
		return forged(fault), decided
	}
	a, ok := b.allowed[t.alg]
	if !ok {
		return forged("the token's algorithm is not allowed"), decided
	}
	keys, n, named := b.ring().fitting(t.kid, t.alg, a)
	if n > 0 && a.slow && !b.compute.Wait(ctx, client) {
		return Outcome{}, waits
	}
	good := verified(&t, a, keys[:n])
	if n > 0 && a.slow {
		b.compute.Done()
	}
	switch {
	case good:
		return b.admit(&t, src), decided
	case named && n == 0:
		return forged("the token's key is for another algorithm"), decided
	case named:
		return forged("the signature is wrong"), decided
	case b.remote != nil && b.remote.may(client): // a newer set may have its key
		return Outcome{}, waits
	}
	return b.unknown(), decided
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

// forged refuses a token that has no good signature. One that has expired, or is for others, is somebody's own.
func forged(detail string) Outcome {
	return Outcome{Refusal: bearers.invalid, Detail: detail, forged: true}
}

func (b *bearer) close() {
	if b.remote != nil {
		b.remote.close()
	}
}
