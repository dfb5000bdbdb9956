package gateway

import (
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"weir/codec/http1"
	"weir/gateway/certs"
	"weir/gateway/clientaddr"
	"weir/gateway/config"
	"weir/gateway/rate"
	routing "weir/gateway/route"
	"weir/netpoll"
	"weir/upstream"
)

// plan is one configuration made ready. It never changes: the next one is built beside it, with what both have in common,
// and takes its place as a whole. A handshake is judged by the plan that was in force when its first byte came.
type plan struct {
	// Immutable.
	env        *env
	generation uint64
	cfg        *config.Config
	trusted    func(netip.Addr) bool // whether an address is that of a proxy of ours
	stickyKey  []byte
	fleets     fleets
	backends   map[tlsTerms]*backendTLS
	gates      gates
	routes     []*route
	byIdentity map[string]*route
	table      *routing.Table
	certs      *certs.Store // nil without TLS
	tls        *netpoll.TLS // likewise
	certTerms  string       // that certs was made of
	certsPart  *part
	newcomers  *rate.Table // handshakes by address; nil: any number
	headLimits http1.Limits
	sockets    int // of a session: 1 where all backends are pooled, else 2
	gatherMax  int // bytes of unfinished messages, of one loop
	parts      []*part

	// Any goroutine.
	users atomic.Int64 // the gateway while it is in force, each loop while a client is judged by it, checks of credentials
	over  sync.Once
}

// builder makes a plan. What the plan before has in the same terms is taken over.
type builder struct {
	*plan
	before   *plan          // empty if this is the first
	held     map[*part]bool // those of the plan
	warnings []string       // of what stays as it was
}

// build makes the plan of cfg. Nothing that is new in it runs before start; after an error nothing is left of it.
func (e *env) build(cfg *config.Config, before *plan) (p *plan, warnings []string, err error) {
	if before == nil {
		before = new(plan)
	}
	b := builder{before: before, held: map[*part]bool{}, plan: &plan{env: e, cfg: cfg, generation: before.generation + 1, sockets: 1,
		gates: newGates(cfg.Routes), byIdentity: map[string]*route{}, backends: map[tlsTerms]*backendTLS{}}}
	b.users.Store(1)
	b.headLimits = headLimits(cfg)
	if b.stickyKey = []byte(cfg.StickyKey); len(b.stickyKey) == 0 {
		b.stickyKey = e.stickyKey
	}
	trust, err := clientaddr.ParseSet(cfg.TrustedProxies)
	if err != nil {
		return nil, nil, err
	}
	b.trusted = trust.Has
	b.newcomers = b.newcomersOf()
	err = b.buildTLS()
	if err == nil {
		err = b.buildFleets()
	}
	if err == nil {
		err = b.buildRoutes()
	}
	if err != nil {
		b.release()
		return nil, nil, err
	}
	b.gatherMax = int(cfg.GatherMemory) / loops(e.start)
	for _, r := range b.routes { // each loop has room for one message
		b.gatherMax = max(b.gatherMax, r.wholeLimit)
	}
	return b.plan, b.warnings, nil
}

func headLimits(cfg *config.Config) http1.Limits {
	return http1.Limits{Head: int(cfg.MaxHeaderSize), Fields: cfg.MaxHeaderFields, Path: int(cfg.MaxPathLength)}
}

// has makes a part one of the plan's.
func (b *builder) has(p *part) {
	if !b.held[p] {
		p.hold()
		b.parts, b.held[p] = append(b.parts, p), true
	}
}

func (b *builder) newcomersOf() *rate.Table {
	cfg, old := b.cfg, b.before.cfg
	if old != nil && old.ConnectionRate == cfg.ConnectionRate && old.RateTable == cfg.RateTable {
		return b.before.newcomers
	}
	if cfg.ConnectionRate.Per == 0 {
		return nil
	}
	return rate.NewTable(cfg.ConnectionRate, cfg.RateTable)
}

// file finds what the plan made of a file, by its key; nil if it made nothing.
func (p *plan) file(key string) any {
	if p.certs != nil {
		if f := p.certs.Files(key); f != nil {
			return f
		}
	}
	return p.gates.file(key)
}

// start begins what no plan before has begun: files are watched, keys fetched, backends looked after.
func (p *plan) start() {
	for i, f := range p.fleets.all {
		f.name.Store(&p.fleets.names[i])
	}
	for _, part := range p.parts {
		part.start()
	}
}

func (p *plan) hold() { p.users.Add(1) }

// release ends the plan with its last user: what no other plan has ends, too.
func (p *plan) release() {
	if p.users.Add(-1) == 0 {
		p.over.Do(func() {
			for _, part := range p.parts {
				part.release()
			}
		})
	}
}

// welcome counts a newcomer, and tells whether there were too many of its address lately.
func (p *plan) welcome(ip netip.Addr) bool {
	return p.newcomers == nil || !ip.IsValid() || p.newcomers.Take(rate.IPKey(ip, p.cfg.IPv6Prefix), rate.Now(), 1)
}

// eachEndpoint walks the endpoints of all fleets.
func (p *plan) eachEndpoint(do func(f *fleet, e *upstream.Endpoint)) {
	for _, f := range p.fleets.all {
		for _, e := range f.group.Endpoints() {
			do(f, e)
		}
	}
}

// loops is how many event loops there are.
func loops(cfg *config.Config) int {
	if cfg.Loops > 0 {
		return cfg.Loops
	}
	return runtime.GOMAXPROCS(0) // knows of a container's CPU quota
}

// lookupFailures counts look-ups that led to no address, by the host's name.
func (p *plan) lookupFailures() map[string]uint64 {
	failures := map[string]uint64{}
	for _, f := range p.fleets.all {
		for _, l := range f.group.Lookups() {
			failures[l.Host] += l.Failures
		}
	}
	return failures
}
