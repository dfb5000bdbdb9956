package plan

import (
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"weir/codec/http1"
	"weir/gateway/certs"
	"weir/gateway/clientaddr"
	"weir/gateway/config"
	"weir/gateway/observe"
	"weir/gateway/rate"
	"weir/gateway/routing"
	"weir/netpoll"
	"weir/upstream"
)

// Plan is one configuration made ready. It never changes: the next one is built beside it, with what both have in common,
// and takes its place as a whole. A handshake is judged by the plan that was in force when its first byte came.
type Plan struct {
	// Immutable.
	env           *Env
	Generation    uint64
	Config        *config.Config
	IsProxy       func(netip.Addr) bool // whether an address is that of a proxy of ours
	stickyKey     []byte
	Fleets        fleets
	backends      map[tlsTerms]*backendTLS
	gates         gates
	Routes        []*Route
	byIdentity    map[string]*Route
	table         *routing.Table
	Certs         *certs.Store // nil without TLS
	TLS           *netpoll.TLS // likewise
	certTerms     string       // that certs was made of
	certsPart     *part
	handshakeRate *rate.Table // handshakes by address; nil: any number
	HeadLimits    http1.Limits
	Sockets       int // of a session: 1 where all backends are pooled, else 2
	GatherMax     int // bytes of unfinished messages, of one loop
	parts         []*part

	// Any goroutine.
	users atomic.Int64 // the gateway while it is in force, each loop while a client is judged by it, checks of credentials
	over  sync.Once
}

// builder makes a plan. What the plan before has in the same terms is taken over.
type builder struct {
	*Plan
	before   *Plan          // empty if this is the first
	held     map[*part]bool // those of the plan
	warnings []string       // of what stays as it was
}

// Build makes the plan of cfg. Nothing that is new in it runs before start; after an error nothing is left of it.
func (e *Env) Build(cfg *config.Config, before *Plan) (p *Plan, warnings []string, err error) {
	if before == nil {
		before = new(Plan)
	}
	b := builder{before: before, held: map[*part]bool{}, Plan: &Plan{env: e, Config: cfg, Generation: before.Generation + 1, Sockets: 1,
		gates: newGates(cfg.Routes), byIdentity: map[string]*Route{}, backends: map[tlsTerms]*backendTLS{}}}
	b.users.Store(1)
	b.HeadLimits = HeadLimits(cfg)
	if b.stickyKey = []byte(cfg.StickyKey); len(b.stickyKey) == 0 {
		b.stickyKey = e.StickyKey
	}
	trust, err := clientaddr.ParseSet(cfg.TrustedProxies)
	if err != nil {
		return nil, nil, err
	}
	b.IsProxy = trust.Has
	b.handshakeRate = b.handshakeRateOf()
	err = b.buildTLS()
	if err == nil {
		err = b.buildFleets()
	}
	if err == nil {
		err = b.buildRoutes()
	}
	if err != nil {
		b.Release()
		return nil, nil, err
	}
	b.GatherMax = int(cfg.GatherMemory) / Loops(e.Start)
	for _, r := range b.Routes { // each loop has room for one message
		b.GatherMax = max(b.GatherMax, r.GatherLimit)
	}
	return b.Plan, b.warnings, nil
}

func HeadLimits(cfg *config.Config) http1.Limits {
	return http1.Limits{Head: int(cfg.MaxHeaderSize), Fields: cfg.MaxHeaderFields, Path: int(cfg.MaxPathLength)}
}

// has makes a part one of the plan's.
func (b *builder) has(p *part) {
	if !b.held[p] {
		p.hold()
		b.parts, b.held[p] = append(b.parts, p), true
	}
}

func (b *builder) handshakeRateOf() *rate.Table {
	cfg, old := b.Config, b.before.Config
	if old != nil && old.ConnectionRate == cfg.ConnectionRate && old.RateTable == cfg.RateTable {
		return b.before.handshakeRate
	}
	if cfg.ConnectionRate.Per == 0 {
		return nil
	}
	return rate.NewTable(cfg.ConnectionRate, cfg.RateTable)
}

// file finds what the plan made of a file, by its key; nil if it made nothing.
func (p *Plan) file(key string) any {
	if p.Certs != nil {
		if f := p.Certs.Files(key); f != nil {
			return f
		}
	}
	return p.gates.file(key)
}

// Start begins what no plan before has begun: files are watched, keys fetched, backends looked after.
func (p *Plan) Start() {
	for i, f := range p.Fleets.All {
		f.Name.Store(&p.Fleets.names[i])
	}
	for _, part := range p.parts {
		part.start()
	}
}

func (p *Plan) Hold() { p.users.Add(1) }

// Release ends the plan with its last user: what no other plan has ends, too.
func (p *Plan) Release() {
	if p.users.Add(-1) == 0 {
		p.over.Do(func() {
			for _, part := range p.parts {
				part.release()
			}
		})
	}
}

// AllowsHandshake counts a newcomer, and tells whether there were too many of its address lately.
func (p *Plan) AllowsHandshake(ip netip.Addr) bool {
	return p.handshakeRate == nil || !ip.IsValid() || p.handshakeRate.Take(rate.IPKey(ip, p.Config.IPv6Prefix), rate.Now(), 1)
}

// EachEndpoint walks the endpoints of all fleets.
func (p *Plan) EachEndpoint(do func(f *Fleet, e *upstream.Endpoint)) {
	for _, f := range p.Fleets.All {
		for _, e := range f.Group.Endpoints() {
			do(f, e)
		}
	}
}

// Loops is how many event loops there are.
func Loops(cfg *config.Config) int {
	if cfg.Loops > 0 {
		return cfg.Loops
	}
	return runtime.GOMAXPROCS(0) // knows of a container's CPU quota
}

// Lookups tell of look-ups that led to no backend, by what was looked up.
func (p *Plan) Lookups() map[string]observe.Lookup {
	all := map[string]observe.Lookup{}
	for _, f := range p.Fleets.All {
		for _, l := range f.Group.Lookups() {
			was := all[l.Host]
			all[l.Host] = observe.Lookup{Failures: was.Failures + l.Failures, Failing: was.Failing || l.Error != ""}
		}
	}
	return all
}
