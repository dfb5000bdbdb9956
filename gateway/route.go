package gateway

import (
	"cmp"
	"net/netip"

	mrand "math/rand/v2"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/config"
	routing "weir/gateway/route"
	"weir/gateway/sticky"
	"weir/gateway/web"
	"weir/upstream"
)

// route is where a kind of request goes and how it is treated on the way. Immutable, shared by all loops.
type route struct {
	routeTerms
	identity   string         // by which it is known again in the next plan
	generation uint64         // of the plan that it was made for
	config     *config.Config // with the route's own values; of the others only those that count after a restart alone are true for long
	headers    http1.Rules
	upRules    frame.Rules
	downRules  frame.Rules

	upAnnounced, downAnnounced frame.Rules // the same, for sessions of which some messages are looked at as a whole
	upExtended, downExtended   frame.Rules // for those that agreed on an extension which the gateway does not know

	json         bool                     // clients' messages have to be JSON
	compression  *compression             // nil: the gateway does not compress
	gatherLimit  int                      // bytes of a message that is looked at as a whole
	plainBackend bool                     // backends see nothing of what clients could compress
	extensions   bool                     // backends see extensions that the gateway does not know
	sticky       *sticky.Cookie           // nil: none
	rewrite      func(path []byte) []byte // nil: none; it gives nil for paths that stay
	plain        *web.Plan                // for plain requests; nil: they are refused
	transports   *part                    // of plan
	tunnels      bool                     // some sessions have a connection of their own to the backend
	pools        bool                     // some share one
}

// routeTerms are all that a route is made of besides its own knobs.
type routeTerms struct {
	name      string
	pauseAt   int // queued bytes at which the source is no longer read; one more read then stays below high-water
	fleet     *fleet
	httpFleet *fleet // nil: no plain requests
	gate      *gate
	meter     *meter // nil: no rates
	stickyKey string
}

// open makes what the route's own values ask for.
func (r *route) open() (err error) {
	cfg := r.config
	if r.headers, err = cfg.HeaderRules(); err != nil {
		return err
	}
	if r.rewrite, err = cfg.Rewrite(); err != nil {
		return err
	}
	r.compression, r.json = newCompression(cfg), cfg.Messages == config.MessagesJSON
	if r.compression != nil || r.json {
		r.gatherLimit = int(cmp.Or(cfg.MaxMessageSize, config.WholeMessage))
	}
	// A compressor that remembers what was dropped would not be understood, nor can JSON be read in what it made.
	drops := r.meter != nil && r.meter.drop && r.meter.announce || cfg.SlowReader == config.SlowDrop
	r.plainBackend = cfg.Compression != config.CompressionPass || drops || r.json
	if r.extensions = cfg.Extensions == config.ExtensionsPass; r.plainBackend && !r.extensions {
		none := http1.Rule{Op: http1.Remove, Name: extensionsField}
		r.headers.Request, r.headers.Response = append(r.headers.Request, none), append(r.headers.Response, none)
	}
	r.upRules = frame.Rules{Masked: true, MaxFrame: uint64(cfg.MaxFrameSize), MaxMessage: uint64(cfg.MaxMessageSize), ValidateUTF8: cfg.ValidateUTF8}
	r.downRules = r.upRules
	r.downRules.Masked = false
	r.upRules.Announce = r.json || r.meter != nil && r.meter.announce
	switch cfg.Messages {
	case config.MessagesText, config.MessagesJSON:
		r.upRules.Only = ws.OpText
	case config.MessagesBinary:
		r.upRules.Only = ws.OpBinary
	}
	if r.json { // nobody gathers more
		r.upRules.MaxMessage = uint64(r.gatherLimit)
	}
	r.upAnnounced, r.downAnnounced = r.upRules, r.downRules
	r.upAnnounced.Announce, r.downAnnounced.Announce = true, true
	r.upExtended, r.downExtended = r.upRules, r.downRules
	for _, extended := range []*frame.Rules{&r.upExtended, &r.downExtended} { // who knows what text looks like there
		extended.Extended, extended.ValidateUTF8 = true, false
	}
	if cfg.StickyCookie != "" {
		r.sticky = sticky.New([]byte(r.stickyKey), cfg.StickyCookie, cfg.StickyTTL, cfg.StickySameSite.HTTP())
	}
	return nil
}

// target is what the backend is asked for: the client's own target, or what the route makes of its path.
func (r *route) target(q *http1.Request) []byte {
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
func (r *route) rewritePath(path string) string {
	return string(r.target(&http1.Request{Path: []byte(path), Target: []byte(path)}))
}

// asker is a request of either kind, as the choice of a backend sees it. Nil stands for what is not there.
type asker interface {
	Get(name string) []byte
	Cookie(name string) []byte
	QueryParam(name string) []byte
}

// hashKey is the place on the ring of who asks.
func (r *route) hashKey(client netip.Addr, path []byte, q asker, who *auth.Identity) uint64 {
	switch on := r.config.HashOn; on.By {
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
		ip := as16(client)
		return upstream.Hash(ip[:])
	}
}

// as16 is the address in 16 bytes; zeroes for a client of a unix socket, who has none.
func as16(ip netip.Addr) (b [16]byte) {
	if ip.IsValid() {
		b = ip.As16()
	}
	return b
}

// nameEndpoint adds the header that tells a client which endpoint serves it, where that is asked for.
func (r *route) nameEndpoint(fields []http1.Field, e *upstream.Endpoint) []http1.Field {
	if r.config.EndpointHeader == "" {
		return fields
	}
	return append(fields, http1.Field{Name: []byte(r.config.EndpointHeader), Value: []byte(e.Name)})
}
