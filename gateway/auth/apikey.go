package auth

import (
	"context"
	"errors"
	"sync/atomic"
)

// apiKeys decides by a random key that alone tells who comes.
type apiKeys struct {
	// Immutable.
	file    string
	from    []Source
	headers []ClaimHeader

	users atomic.Pointer[users] // any goroutine
}

func keysMethod(o *Options) (method, error) {
	if o.Keys == nil {
		return nil, nil
	}
	k := &apiKeys{file: o.Keys.File, from: o.Keys.From, headers: subjectHeader(o.Keys.Header)}
	if len(k.from) == 0 {
		k.from = []Source{{Place: Header, Name: "X-API-Key"}}
	}
	return k, k.reload()
}

func (k *apiKeys) reload() error {
	us, err := load(k.file, func(b []byte) (*users, error) {
		us, err := parseUsers(b)
		if err == nil && len(us.byHash) < len(us.list) {
			err = errors.New("has a bcrypt hash: a key comes without a name, so each would have to be tried; make keys random and hash them by SHA-256")
		}
		return us, err
	})
	if err == nil {
		k.users.Store(us)
	}
	return err
}

func (k *apiKeys) now(r *Request) (Outcome, verdict) {
	for _, src := range k.from {
		credential, n := src.find(r)
		switch {
		case n == 0:
			continue
		case n > 1:
			return refuse(Invalid, "more than one API key"), decided
		}
		u, known := k.users.Load().keyed(credential)
		if !known {
			return refuse(Invalid, "unknown API key"), decided
		}
		id := &Identity{Subject: u.name, Strip: k.from}
		if src.Place == Protocol {
			id.Protocol = src.Name
		}
		id.Fields = tell(id, k.headers)
		return Outcome{Identity: id}, decided
	}
	return Outcome{}, absent
}

// wait is never called: now always decides.
func (k *apiKeys) wait(_ context.Context, r *Request) Outcome {
	out, _ := k.now(r)
	return out
}
