package auth

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"sync/atomic"
	"time"

	"weir/gateway/rate"
)

// Failures counts credentials that were not valid: of each address, of each name from an address, and of each name. A name's
// own count refuses nobody, or strangers could lock its owner out: it only lets all others go first. Tokens have a count of
// each address, which refuses bad ones alone. Policies may share one. Any goroutine; a nil one counts nothing.
type Failures struct {
	// Immutable.
	limit  rate.Limit
	prefix int                   // bits of an IPv6 address that count as one client
	shared func(netip.Addr) bool // addresses that many come from, such as a proxy's, have no count

	passed *memory[struct{}] // who came in by a name lately, and from where
	seal   seal

	counts atomic.Pointer[failureCounts]
}

// failureCounts have room for a number of addresses, of names and of pairs of both. Immutable, but for what is in the tables.
type failureCounts struct {
	room                    int
	addresses, pairs, names *rate.Table
}

// Who has come in by a name is not slowed down there by others' failures, for a day. So many are remembered.
const (
	passedTime = 24 * time.Hour
	maxPassed  = 16 << 10
)

// TooMany is for an address, or a name from an address, that has failed too often lately.
var TooMany = refusal(429, "auth_rate", "There were too many credentials that are not valid; try again later.", "Retry-After: 10\r\n")

// FailureOptions are what Failures are made of.
type FailureOptions struct {
	Limit      rate.Limit
	IPv6Prefix int
	Table      int                   // addresses, names and pairs of both that are remembered, each
	Shared     func(netip.Addr) bool // whether an address is one that many come from
}

// NewFailures counts by a limit; without one it is nil.
func NewFailures(o FailureOptions) *Failures {
	if o.Limit.Per == 0 {
		return nil
	}
	f := &Failures{limit: o.Limit, prefix: o.IPv6Prefix, shared: o.Shared, seal: newSeal()}
	f.passed = newMemory[struct{}](maxPassed, passedTime, time.Now)
	f.Resize(o.Table)
	return f
}

// Resize makes room for n addresses, names and pairs of both. Where that is another number, all counts begin anew.
func (f *Failures) Resize(n int) {
	if f == nil {
		return
	}
	if c := f.counts.Load(); c == nil || c.room != n {
		f.counts.Store(&failureCounts{n, rate.NewTable(f.limit, n), rate.NewTable(f.limit, n), rate.NewTable(f.limit, n)})
	}
}

// Tables are what the counts are kept in, to be swept.
func (f *Failures) Tables() []*rate.Table {
	if f == nil {
		return nil
	}
	c := f.counts.Load()
	return []*rate.Table{c.addresses, c.pairs, c.names}
}

var began = time.Now()

// over tells whether no credential of the request's address, or of its name from there, is looked at for now.
func (f *Failures) over(r *Request) bool {
	if f == nil {
		return false
	}
	now, c := time.Since(began), f.counts.Load()
	if f.told(r.Client) && c.addresses.Wait(f.address(r), now, 1) > 0 {
		return true
	}
	name, ok := nameOf(r)
	return ok && c.pairs.Wait(f.pair(r, name), now, 1) > 0
}

// isLast tells whether the check of a password lets all others go first.
func (f *Failures) isLast(r *Request) bool {
	if f == nil {
		return false
	}
	name, ok := nameOf(r)
	if !ok || f.counts.Load().names.Wait(rate.StringKey(name), time.Since(began), 1) == 0 {
		return false
	}
	_, came := f.passed.get(f.place(r, name))
	return !came
}

// failed counts a credential that is not valid.
func (f *Failures) failed(r *Request) {
	if f == nil {
		return
	}
	now, c := time.Since(began), f.counts.Load()
	if f.told(r.Client) {
		c.addresses.Spend(f.address(r), now, 1)
	}
	if name, ok := nameOf(r); ok {
		c.pairs.Spend(f.pair(r, name), now, 1)
		c.names.Spend(rate.StringKey(name), now, 1)
	}
}

// ofTokens is the name by which the bad tokens of an address count. No password can come with it (RFC 7617 section 2).
const ofTokens = "a:token"

// forged counts a token that nobody with a key has signed, and tells whether its address has sent too many. They count apart
// from passwords and keys: where keys are changed, many clients of one address come with tokens that were good before.
func (f *Failures) forged(r *Request) (over bool) {
	return f != nil && f.told(r.Client) && !f.counts.Load().pairs.Take(f.pair(r, ofTokens), time.Since(began), 1)
}

// came remembers who came in by a name.
func (f *Failures) came(r *Request) {
	if f == nil {
		return
	}
	if name, ok := nameOf(r); ok {
		f.passed.put(f.place(r, name), struct{}{})
	}
}

// told tells whether an address has a count of its own.
func (f *Failures) told(a netip.Addr) bool {
	return a.IsValid() && (f.shared == nil || !f.shared(a))
}

func (f *Failures) address(r *Request) rate.Key { return rate.IPKey(r.Client, f.prefix) }

func (f *Failures) pair(r *Request, name string) rate.Key {
	key := f.address(r)
	return rate.StringKey(string(key[:]) + name)
}

func (f *Failures) place(r *Request, name string) digest {
	key := f.address(r)
	return f.seal.of(append(key[:], name...))
}

// nameOf is the name that a password comes with (RFC 7617 section 2).
func nameOf(r *Request) (string, bool) {
	credential, n := basicSource.find(r)
	if n != 1 {
		return "", false
	}
	text, err := base64.StdEncoding.DecodeString(string(credential))
	name, _, ok := bytes.Cut(text, []byte{':'})
	return string(name), ok && err == nil
}

// hasPassword tells whether there is what could be guessed, well-formed or not.
func hasPassword(r *Request) bool {
	_, n := basicSource.find(r)
	return n > 0
}
