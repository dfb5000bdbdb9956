package auth

import (
	"context"

	"weir/internal/watch"
)

// Policy decides about requests. See the package for who owns what.
type Policy struct {
	// Immutable.
	methods  []method
	optional bool
	missing  Outcome
	unproved *Identity
	failures *Failures
}

// verdict is how far a method got without waiting.
type verdict uint8

const (
	absent verdict = iota // there is no credential of the method
	decided
	waits
)

// method is one way to tell who somebody is.
type method interface {
	// now decides without waiting, if it can.
	now(r *Request) (Outcome, verdict)
	// wait decides after now has said waits.
	wait(ctx context.Context, r *Request) Outcome
	// guess tells whether the request has a credential of the method that could be guessed: then one that is not valid counts
	// as a failure, and behind too many none is looked at.
	guess(r *Request) bool
	// reload looks at the method's file, if it has one.
	reload() []watch.Outcome
	// file is what is made of it, if it has this key; else nil.
	file(key string) any
}

// New reads the files and checks the options. Nothing runs before Start.
func New(o Options) (*Policy, error) {
	o.fill()
	if err := o.Check(); err != nil {
		return nil, err
	}
	p := &Policy{optional: o.Optional, failures: o.Failures, missing: Outcome{Refusal: o.missing(), Missing: true, Detail: "no credential"},
		unproved: &Identity{Strip: o.sources(), Unproved: true}}
	for _, build := range []func(*Options) (method, error){jwtMethod, basicMethod, keysMethod, forwardMethod} {
		m, err := build(&o)
		if err != nil {
			return nil, err
		}
		if m != nil {
			p.methods = append(p.methods, m)
		}
	}
	if err := watch.Failures(p.Reload()...); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Now decides on the caller's goroutine in well under a millisecond. Not done: it has to wait, and only Wait can tell.
// Of r nothing is kept.
func (p *Policy) Now(r *Request) (out Outcome, done bool) {
	for _, m := range p.methods {
		if m.guess(r) && p.failures.over(r) {
			return tooMany, true
		}
		switch out, v := m.now(r); v {
		case decided:
			return p.judged(m, r, out), true
		case waits:
			return Outcome{}, false
		}
	}
	return p.none(), true
}

// Wait decides, and may block until ctx ends, which makes it Unavailable. It keeps nothing of r either, but reads it
// until it returns: the caller hands it a Clone.
func (p *Policy) Wait(ctx context.Context, r *Request) Outcome {
	for _, m := range p.methods {
		if m.guess(r) && p.failures.over(r) {
			return tooMany
		}
		switch out, v := m.now(r); v {
		case decided:
			return p.judged(m, r, out)
		case waits:
			return p.judged(m, r, m.wait(ctx, r))
		}
	}
	return p.none()
}

// judged counts a credential that is not valid, and remembers who came in.
func (p *Policy) judged(m method, r *Request, out Outcome) Outcome {
	switch {
	case out.Refusal == nil:
		p.failures.came(r)
	case out.forged:
		if p.failures.forged(r) {
			return Outcome{Refusal: TooMany, Detail: out.Detail}
		}
	case !out.counted && out.Refusal.Reason == Invalid.Reason && m.guess(r):
		p.failures.failed(r)
	}
	return out
}

var tooMany = refuse(TooMany, "too many credentials from there were not valid")

func (p *Policy) none() Outcome {
	if p.optional {
		return Outcome{Identity: anonymous, Missing: true}
	}
	return p.missing
}

// Unproved is one who may come in without a credential, nobody. Whatever is where one is looked for must not pass.
func (p *Policy) Unproved() *Identity { return p.unproved }

// Start begins to fetch the key set, if keys come from a URL. Until it is there, tokens wait or are refused as
// Unavailable.
func (p *Policy) Start() {
	if s := p.remote(); s != nil {
		s.start()
	}
}

// Refetch asks for the key set anew, if keys come from a URL, however lately it was fetched. OnFetch hears what comes of it.
func (p *Policy) Refetch() {
	if s := p.remote(); s != nil {
		s.refetch()
	}
}

// remote is where the key set comes from, nil if keys are from a file.
func (p *Policy) remote() *remote {
	for _, m := range p.methods {
		if b, ok := m.(*bearer); ok {
			return b.remote
		}
	}
	return nil
}

// Close ends what runs, and calls of Wait with Unavailable. It may be called without Start.
func (p *Policy) Close() {
	for _, m := range p.methods {
		if c, ok := m.(interface{ close() }); ok {
			c.close()
		}
	}
}

// Reload reads the files again; where they have not changed, that costs their hash. Of each that fails the old content
// stays.
func (p *Policy) Reload() (all []watch.Outcome) {
	for _, m := range p.methods {
		all = append(all, m.reload()...)
	}
	return all
}

// Files gives what is made of files, by their keys, to a Policy that follows.
func (p *Policy) Files(key string) any {
	for _, m := range p.methods {
		if f := m.file(key); f != nil {
			return f
		}
	}
	return nil
}

// String tells nothing of keys.
func (p *Policy) String() string { return "auth policy" }

// GoString does so for %#v.
func (p *Policy) GoString() string { return p.String() }
