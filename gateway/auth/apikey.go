package auth

import (
	"context"
	"errors"

	"weir/internal/watch"
)

// apiKeys decides by a random key that alone tells who comes.
type apiKeys struct{ users *watch.Files[*users] }

var wrongKey = with(Invalid, keyChallenge)

var keySource = Source{Place: Header, Name: "X-API-Key"}

func keysMethod(o *Options) (method, error) {
	if o.Keys == nil {
		return nil, nil
	}
	return &apiKeys{fileOf(o.Past, "api-keys", o.Keys.File, parseKeyUsers)}, nil
}

func parseKeyUsers(b []byte) (*users, error) {
	us, err := parseUsers(b)
	if err == nil && len(us.byHash) < len(us.list) {
		err = errors.New("has a bcrypt hash: a key comes without a name, so each would have to be tried; make keys random and hash them by SHA-256")
	}
	return us, err
}

func (k *apiKeys) guess(r *Request) bool {
	_, n := keySource.find(r)
	return n > 0
}

func (k *apiKeys) reload() []watch.Outcome { return []watch.Outcome{k.users.Look()} }

func (k *apiKeys) file(key string) any { return keyed(k.users, key) }

func (k *apiKeys) now(r *Request) (Outcome, verdict) {
	credential, n := keySource.find(r)
	switch {
	case n == 0:
		return Outcome{}, absent
	case n > 1:
		return refuse(wrongKey, "more than one API key"), decided
	}
	u, known := k.users.Value().keyed(credential)
	if !known {
		return refuse(wrongKey, "unknown API key"), decided
	}
	return Outcome{Identity: &Identity{Subject: u.name, Strip: Strip{keySource}}}, decided
}

// wait is never called: now always decides.
func (k *apiKeys) wait(_ context.Context, r *Request) Outcome {
	out, _ := k.now(r)
	return out
}
