package plan

import (
	"cmp"
	"net/netip"

	mrand "math/rand/v2"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/config"
	"weir/gateway/routing"
	"weir/gateway/sticky"
	"weir/gateway/web"
	"weir/upstream"
)

// Route is where a kind of request goes and how it is treated on the way. Immutable, shared by all loops.
type Route struct {
	routeTerms
	Identity   string         // by which it is known again in the next plan
	Generation uint64         // of the plan that it was made for
	Config     *config.Config // with the route's own values; of the others only those that count after a restart alone are true for long
	Headers    http1.Rules
	UpRules    frame.Rules
	DownRules  frame.Rules

	UpAnnounced, DownAnnounced frame.Rules // the same, for sessions of which some messages are looked at as a whole
	UpExtended, DownExtended   frame.Rules // for those that agreed on an extension which the gateway does not know

	JSON         bool                     // clients' messages have to be JSON
	Compression  *compression             // nil: the gateway does not compress
	GatherLimit  int                      // bytes of a message that is looked at as a whole
	Reopens      bool                     // sessions outlive their backends
	PlainBackend bool                     // backends see nothing of what clients could compress
	Extensions   bool                     // backends see extensions that the gateway does not know
	Sticky       *sticky.Cookie           // nil: none
	rewrite      func(path []byte) []byte // nil: none; it gives nil for paths that stay
	Plain        *web.Plan                // for plain requests; nil: they are refused
	transports   *part                    // of plan
	tunnels      bool                     // some sessions have a connection of their own to the backend
	Pools        bool                     // some share one
}

// routeTerms are all that a route is made of besides its own knobs.
type routeTerms struct {
	Name      string
	PauseAt   int // queued bytes at which the source is no longer read; one more read then stays below high-water
	Fleet     *Fleet
	httpFleet *Fleet // nil: no plain requests
	Gate      *gate
	Meter     *meter // nil: no rates
	stickyKey string
}

// open makes what the route's own values ask for.
func (r *Route) open() (err error) {
	cfg := r.Config
	if r.Headers, err = cfg.HeaderRules(); err != nil {
		return err
	}
	if r.rewrite, err = cfg.Rewrite(); err != nil {
		return err
	}
	r.Compression, r.JSON = newCompression(cfg), cfg.Messages == config.MessagesJSON
	if r.Compression != nil || r.JSON {
		r.GatherLimit = int(cmp.Or(cfg.MaxMessageSize, config.WholeMessage))
	}
	// A compressor that remembers what was dropped would not be understood, nor can JSON be read in what it made.
	drops := r.Meter != nil && r.Meter.Drop && r.Meter.Announce || cfg.SlowReader == config.SlowDrop
	r.Reopens = cfg.OnBackendLoss == config.LossReopen
	r.PlainBackend = cfg.Compression != config.CompressionPass || drops || r.JSON || r.Reopens
	if r.Reopens && cfg.ReopenHeader != "" {
		r.Headers.Request = append(r.Headers.Request, http1.Rule{Op: http1.Remove, Name: cfg.ReopenHeader}) // it is ours alone
	}
	if r.Extensions = cfg.Extensions == config.ExtensionsPass; r.PlainBackend && !r.Extensions {
		none := http1.Rule{Op: http1.Remove, Name: ExtensionsField}
		r.Headers.Request, r.Headers.Response = append(r.Headers.Request, none), append(r.Headers.Response, none)
	}
	r.UpRules = frame.Rules{Masked: true, MaxFrame: uint64(cfg.MaxFrameSize), MaxMessage: uint64(cfg.MaxMessageSize), ValidateUTF8: cfg.ValidateUTF8}
	r.DownRules = r.UpRules
	r.DownRules.Masked = false
	r.UpRules.Announce = r.JSON || r.Meter != nil && r.Meter.Announce
	switch cfg.Messages {
	case config.MessagesText, config.MessagesJSON:
		r.UpRules.Only = ws.OpText
	case config.MessagesBinary:
		r.UpRules.Only = ws.OpBinary
	}
	if r.JSON { // nobody gathers more
		r.UpRules.MaxMessage = uint64(r.GatherLimit)
	}
	r.UpAnnounced, r.DownAnnounced = r.UpRules, r.DownRules
	r.UpAnnounced.Announce, r.DownAnnounced.Announce = true, true
	r.UpExtended, r.DownExtended = r.UpRules, r.DownRules
	for _, extended := range []*frame.Rules{&r.UpExtended, &r.DownExtended} { // who knows what text looks like there
		extended.Extended, extended.ValidateUTF8 = true, false
	}
	if cfg.StickyCookie != "" {
		r.Sticky = sticky.New([]byte(r.stickyKey), cfg.StickyCookie, cfg.StickyTTL, cfg.StickySameSite.HTTP())
	}
	return nil
}

// Target is what the backend is asked for: the client's own target, or what the route makes of its path.
func (r *Route) Target(q *http1.Request) []byte {
	if r.rewrite == nil {
		return q.Target
	}
	path := routing.Normal(q.Path) // as it was matched
	to := r.rewrite(path)
	if to == nil {
		return q.Target
	}
	return append(to, q.Target[len(q.Path):]...)
}

// rewritePath is the same for plain requests; path is as it was sent, escapes and all.
func (r *Route) rewritePath(path string) string {
	return string(r.Target(&http1.Request{Path: []byte(path), Target: []byte(path)}))
}

// asker is a request of either kind, as the choice of a backend sees it. Nil stands for what is not there.
type asker interface {
	Get(name string) []byte
	Cookie(name string) []byte
	QueryParam(name string) []byte
}

// HashKey is the place on the ring of who asks.
func (r *Route) HashKey(client netip.Addr, path []byte, q asker, who *auth.Identity) uint64 {
	switch on := r.Config.HashOn; on.By {
	case config.HashPath:
		return upstream.Hash(path)
	case config.HashHeader:
		return upstream.Hash(q.Get(on.Name))
	case config.HashCookie:
		return upstream.Hash(q.Cookie(on.Name))
	case config.HashQuery:
		return upstream.Hash(q.QueryParam(on.Name))
	case config.HashClaim:
		if who == nil {
			return upstream.Hash(nil)
		}
		claim, _ := who.Claim(on.Name)
		return upstream.Hash([]byte(claim))
	case config.HashRandom:
		return mrand.Uint64()
	default:
		ip := As16(client)
		return upstream.Hash(ip[:])
	}
}

// As16 is the address in 16 bytes; zeroes for a client of a unix socket, who has none.
func As16(ip netip.Addr) (b [16]byte) {
	if ip.IsValid() {
		b = ip.As16()
	}
	return b
}

// NameEndpoint adds the header that tells a client which endpoint serves it, where that is asked for.
func (r *Route) NameEndpoint(fields []http1.Field, e *upstream.Endpoint) []http1.Field {
	if r.Config.EndpointHeader == "" {
		return fields
	}
	return append(fields, http1.Field{Name: []byte(r.Config.EndpointHeader), Value: []byte(e.Name)})
}
