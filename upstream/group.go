package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"weir/upstream/balance"
	"weir/upstream/discovery"
	"weir/upstream/discovery/dns"
	"weir/upstream/discovery/kube"
	"weir/upstream/health"
)

const (
	maxChecking = 16  // active checks at once
	maxNotices  = 256 // calls of the callbacks waiting
)

// A Resolver asks DNS; *dns.Resolver is one.
type Resolver interface {
	LookupIP(ctx context.Context, host string, family discovery.Family) (dns.Answer, error)
	LookupSRV(ctx context.Context, name string, family discovery.Family) ([]discovery.Target, time.Duration, error)
}

// A Watcher tells where Kubernetes Services are, until ctx ends; *kube.Client is one.
type Watcher interface {
	Watch(ctx context.Context, s kube.Service, changed func([]discovery.Target, error))
}

// DefaultResolver goes by the system's configuration.
var DefaultResolver Resolver = dns.New(dns.Options{})

// Options shape a group. The callbacks are called one at a time, in order, on a
// goroutine of the group, so they may block; were more than 256 calls to wait,
// further ones are dropped.
type Options struct {
	// Policy is by what endpoints are chosen.
	Policy balance.Policy
	// Balance bounds the load of an endpoint to this multiple of its fair share of
	// all sessions: 0 for no bound, else at least 1.
	Balance float64
	// Threshold is the share of its weight, from 0 to 1, that must be well on the priorities in use, or the next one is
	// used as well.
	Threshold float64
	// SlowStart is how long an endpoint that joins or comes back takes to get its whole weight, but by hash.
	SlowStart time.Duration
	// Zone is ours: endpoints of it are taken while they have room. "": all are alike.
	Zone string
	// Panic uses all endpoints as if they were well when none is, but for those that are drained by hand.
	Panic   bool
	Health  health.Options
	Outlier Outlier
	ByHand  *ByHand // nil: nothing is changed by hand
	// Files list more backends, in YAML, in the form of ParseSpec.
	Files []string
	// Admits tells why a backend that a file lists may not be one; nil: all may.
	Admits func(Spec) error
	// DNSInterval is the longest time between lookups of a name; 0: one that has addresses is not looked up again. One
	// without is tried again after a second, and then after twice as long each time, up to this interval.
	DNSInterval time.Duration
	// DNSMinTTL is the shortest time between them, however short the records may be kept.
	DNSMinTTL time.Duration
	// EmptyHold is how long the last set of a source is kept once it says that there is nothing.
	EmptyHold  time.Duration
	Family     discovery.Family
	Resolver   Resolver // nil: DefaultResolver
	Kubernetes Watcher  // nil: no spec needs it
	// TLS is what holds for all backends that are reached over it: whom to trust, our certificate, versions. The
	// server's name is the backend's host where none is given. ALPN and resumption are added. nil: system roots.
	TLS *tls.Config
	// Before is a group whose place this one takes once it is started. An endpoint that both have stays the same, with
	// its health, its load and what is known of it. nil: none.
	Before *Group

	// OnChange is told when an endpoint goes down or comes back.
	OnChange func(e *Endpoint, healthy bool, reason string)
	// OnLost is told of pooled connections that broke with sessions on them: of each endpoint once a second at most,
	// with their sum and why the first one did.
	OnLost func(e *Endpoint, connections, sessions int, reason string)
	// OnLeave is told of an endpoint that is to lose its sessions: it is drained by hand, its source has it leave
	// (CauseManual, CauseLeaving), or it is no member any more (CauseLeaving).
	OnLeave func(e *Endpoint, why Cause)
	// OnRetryDenied is called where it happens, on any goroutine, for each further try that the budget does not allow.
	OnRetryDenied func()
	// OnResolve is told of the addresses in use that come from a source, such as a host's name, when they change, when
	// asking it begins to fail, which err is for, and when that succeeds again. Those of a file are backends.
	OnResolve func(source string, addrs []string, err error)
}

// A Group is the set of endpoints that sessions are spread over.
type Group struct {
	// immutable
	options Options
	fixed   []Spec
	pools   bool // some backend may be reached over pooled connections, now or later
	rules   *rules
	ejects  ejects
	budget  budget
	notices chan func()
	slots   chan struct{} // taken by running checks
	ctx     context.Context
	cancel  context.CancelFunc

	// any goroutine
	current atomic.Pointer[snapshot]
	lookups atomic.Pointer[[]Lookup]

	// owned by the goroutine that resolves, before it runs by NewGroup, Resolve and Start
	lists []*list

	// under mu
	mu       sync.Mutex
	specs    []Spec    // the fixed ones, and those of the lists
	supplies []*supply // of the specs
	watchers map[*Endpoint]context.CancelFunc
	watching bool

	wake    chan struct{} // a supply is due at another time
	running sync.WaitGroup
}

// snapshot is one immutable view of the members, in the order of their names.
type snapshot struct {
	endpoints []*Endpoint
	byID      map[uint64]*Endpoint
	table     *balance.Table
}

// Hash turns what a session is told apart by into a key for Pick, the same on
// every gateway.
func Hash(key []byte) uint64 { return xxhash.Sum64(key) }

// NewGroup makes a group of those endpoints that need no lookup. Resolve adds the others.
func NewGroup(specs []Spec, o Options) (*Group, error) {
	checks, err := o.Health.Complete()
	if err != nil {
		return nil, err
	}
	o.Health = checks
	if err := o.check(specs); err != nil {
		return nil, err
	}
	if o.Resolver == nil {
		o.Resolver = DefaultResolver
	}
	g := &Group{
		options:  o,
		fixed:    slices.Clone(specs),
		pools:    len(o.Files) > 0 || slices.ContainsFunc(specs, Spec.Pools),
		wake:     make(chan struct{}, 1),
		notices:  make(chan func(), maxNotices),
		slots:    make(chan struct{}, maxChecking),
		watchers: make(map[*Endpoint]context.CancelFunc),
	}
	g.rules = &rules{rise: checks.Rise, fall: checks.Fall, outlier: o.Outlier, ejects: &g.ejects, spare: g.spare, checked: checks.Interval > 0,
		changed: g.changed, lost: g.lost, leaves: g.leaves}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	if err := g.openLists(); err != nil {
		g.cancel()
		return nil, err
	}
	g.supply()
	var old []*Endpoint
	if o.Before == nil {
		g.current.Store(g.newSnapshot(nil, nil))
	} else {
		g.inherit(o.Before)
		g.current.Store(g.newSnapshot(nil, o.Before.current.Load().table))
		old = o.Before.Endpoints()
	}
	g.tellLookups()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.publish(old)
	return g, nil
}

// check finds what would make a group senseless.
func (o Options) check(specs []Spec) error {
	switch {
	case len(specs) == 0 && len(o.Files) == 0:
		return errors.New("no upstream is given")
	case !slices.Contains(balance.Policies, cmp.Or(o.Policy, balance.Hash)):
		return fmt.Errorf("balance policy %q is not known", o.Policy)
	case !(o.Threshold >= 0 && o.Threshold <= 1):
		return fmt.Errorf("priority threshold %v is not a share from 0 to 1", o.Threshold)
	case !(o.Balance == 0 || o.Balance >= 1 && o.Balance <= math.MaxFloat32):
		return fmt.Errorf("balance factor %v is neither 0 nor at least 1", o.Balance)
	case o.DNSInterval < 0:
		return fmt.Errorf("DNS interval %v is negative", o.DNSInterval)
	case o.DNSMinTTL < 0:
		return fmt.Errorf("least TTL %v is negative", o.DNSMinTTL)
	case o.EmptyHold < 0:
		return fmt.Errorf("hold of empty answers %v is negative", o.EmptyHold)
	}
	for _, s := range specs {
		if _, err := ParseSpec(s.String()); err != nil {
			return err // one made by hand
		}
	}
	return Distinct(specs)
}

// Start begins active checks and lookups. Call it once, and before Close.
func (g *Group) Start() {
	g.running.Go(g.tellAll)
	if before := g.options.Before; before != nil {
		g.takeOver(before)
		g.options.Before = nil // or a chain of them would never end
	}
	g.mu.Lock()
	g.watching = g.rules.checked
	g.mu.Unlock()
	g.watch()
	g.follow()
	if len(g.supplies) > 0 || len(g.lists) > 0 {
		g.running.Go(g.refresh)
	}
}

// Close ends and awaits all that Start began. Endpoints may still be picked, acquired and released; their health is what it
// was.
func (g *Group) Close() {
	g.cancel()
	g.running.Wait()
	for _, e := range g.Endpoints() {
		e.vitals.retire(g.rules)
	}
}

// closed tells whether Close was called.
func (g *Group) closed() bool { return g.ctx.Err() != nil }

// started tells whether no group is left whose place this one is to take.
func (g *Group) started() bool { return g.options.Before == nil }

// Pick chooses an endpoint for a key by the policy: one that is well, not among tried and, if there is such a one, not
// loaded beyond its bound. Nil if there is none, and full then tells whether that is for want of room alone. It counts
// nothing: call Acquire, which may say no where other loops were faster. Sessions picked at the same moment on several
// loops can pass the bound by their number.
func (g *Group) Pick(key uint64, tried []*Endpoint) (e *Endpoint, full bool) {
	return g.pick(key, tried, g.options.Policy, g.options.Balance)
}

// First is Pick for requests that come and go: without regard to load. By hash they find their endpoint again, otherwise it
// is each endpoint's turn.
func (g *Group) First(key uint64, tried []*Endpoint) *Endpoint {
	policy := balance.Hash
	if g.options.Policy != "" && g.options.Policy != balance.Hash {
		policy = balance.RoundRobin
	}
	e, _ := g.pick(key, tried, policy, 0)
	return e
}

func (g *Group) pick(key uint64, tried []*Endpoint, policy balance.Policy, factor float64) (e *Endpoint, full bool) {
	s := g.current.Load()
	r := balance.Rule{
		Policy:    policy,
		Factor:    factor,
		Threshold: g.options.Threshold,
		SlowStart: g.options.SlowStart,
		Panic:     g.options.Panic,
		Skip:      func(i int) bool { return slices.Contains(tried, s.endpoints[i]) },
	}
	if r.SlowStart > 0 {
		r.Now = time.Now()
	}
	i := s.table.Pick(key, r)
	if i < 0 {
		return nil, i == balance.Full
	}
	return s.endpoints[i], false
}

// ByID is the member with that ID, well or not; nil if there is none.
func (g *Group) ByID(id uint64) *Endpoint { return g.current.Load().byID[id] }

// Endpoints are the members of this moment in the order of their names. Do not
// change the slice.
func (g *Group) Endpoints() []*Endpoint { return g.current.Load().endpoints }

// Servable tells whether Pick may choose any member.
func (g *Group) Servable() bool {
	return slices.ContainsFunc(g.Endpoints(), func(e *Endpoint) bool {
		return e.Healthy() || g.options.Panic && !e.Down(CauseManual)
	})
}
