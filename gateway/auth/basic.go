package auth

import (
	"bytes"
	"context"
	"encoding/base64"
	"time"

	"golang.org/x/crypto/bcrypt"

	"weir/gateway/limits"
	"weir/internal/watch"
)

// basic decides by name and password (RFC 7617).
type basic struct {
	// Immutable.
	seal     seal
	compute  *limits.Turns
	failures *Failures

	// Any goroutine.
	users *watch.Files[*users]
	good  *memory[*Identity] // passwords that bcrypt has verified
}

var basicSource = Source{Header, "Authorization", "Basic"}

// maxPassword is what bcrypt looks at; of a longer one it would take any ending.
const maxPassword = 72

// A password that bcrypt has verified need not be hashed again for a while. So many are remembered.
const (
	verifiedTime = 5 * time.Minute
	maxVerified  = 1024
)

var wrongPassword = with(Invalid, basicChallenge)

func basicMethod(o *Options) (method, error) {
	if o.Basic == nil {
		return nil, nil
	}
	b := &basic{compute: o.Compute, failures: o.Failures, users: fileOf(o.Past, "basic-users", o.Basic.File, parseUsers), seal: newSeal(), good: newMemory[*Identity](maxVerified, verifiedTime, o.Now)}
	if was := inherited[*basic](o.Past, b.key()); was != nil {
		b.seal, b.good = was.seal, was.good
	}
	return b, nil
}

// key is by what the passwords of the same file that were verified are known again.
func (b *basic) key() string { return "passwords\x00" + b.users.Key() }

func (b *basic) guess(r *Request) bool { return hasPassword(r) }

func (b *basic) reload() []watch.Outcome { return []watch.Outcome{b.users.Look()} }

func (b *basic) file(key string) any {
	if b.key() == key {
		return b
	}
	return keyed(b.users, key)
}

// try is one attempt to get in.
type try struct {
	user     *user
	known    bool // else user is a stand-in
	password []byte
	digest   digest // of the password and of the hash that it is to fit: a changed file forgets
}

// read finds the attempt in a request. fault says why there can be none.
func (b *basic) read(r *Request) (t try, n int, fault string) {
	credential, n := basicSource.find(r)
	switch {
	case n == 0:
		return t, 0, ""
	case n > 1:
		return t, n, "more than one Authorization field"
	}
	text, err := base64.StdEncoding.DecodeString(string(credential))
	name, password, ok := bytes.Cut(text, []byte{':'})
	if err != nil || !ok {
		return t, n, "not base64 of name:password"
	}
	if len(password) > maxPassword {
		return t, n, "the password is longer than 72 bytes"
	}
	t.user, t.known = b.users.Value().named(name, &b.seal)
	t.password = password
	t.digest = b.seal.of(appendPart(appendPart(appendPart(nil, name), t.user.hash), password))
	return t, n, ""
}

func (b *basic) now(r *Request) (Outcome, verdict) {
	t, n, fault := b.read(r)
	switch {
	case n == 0:
		return Outcome{}, absent
	case fault != "":
		return refuse(wrongPassword, fault), decided
	}
	if id, ok := b.good.get(t.digest); ok {
		return Outcome{Identity: id}, decided
	}
	if t.user.slow {
		return Outcome{}, waits
	}
	return b.settle(&t, t.user.quick(t.password)), decided
}

func (b *basic) wait(ctx context.Context, r *Request) Outcome {
	turn := b.compute.Wait
	if b.failures.isLast(r) {
		turn = b.compute.WaitLast
	}
	if !turn(ctx, r.Client) {
		return refuse(Unavailable, "no time was left to check a password")
	}
	defer b.compute.Done()
	if b.failures.over(r) { // by others that were looked at while we waited
		return tooMany
	}
	out, v := b.now(r) // while we waited, another may have proved the same, or the file changed
	if v != waits {
		return out
	}
	t, _, _ := b.read(r)
	out = b.settle(&t, bcrypt.CompareHashAndPassword(t.user.hash, t.password) == nil)
	if out.Refusal != nil { // counted before the next has his turn
		b.failures.failed(r)
		out.counted = true
	}
	return out
}

func (b *basic) settle(t *try, fits bool) Outcome {
	if !fits || !t.known {
		return refuse(wrongPassword, "unknown user or wrong password")
	}
	id := &Identity{Subject: t.user.name, Strip: Strip{basicSource}}
	if t.user.slow {
		b.good.put(t.digest, id)
	}
	return Outcome{Identity: id}
}
