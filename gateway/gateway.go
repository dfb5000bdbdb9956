package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/http1"
	"weir/gateway/certs"
	"weir/gateway/clientaddr"
	"weir/gateway/config"
	"weir/gateway/rate"
	routing "weir/gateway/route"
	"weir/gateway/web"
	"weir/internal/handover"
	"weir/netpoll"
)

// Gateway fronts the backends of one configuration.
type Gateway struct {
	// Immutable once New has returned.
	cfg           *config.Config
	log           *slog.Logger
	trusted       func(netip.Addr) bool // whether an address is that of a proxy of ours
	fleets        []*fleet
	fleetKeys     []string
	gates         []*gate
	routes        []*route
	table         *routing.Table
	readsPaths    bool         // to choose a route, or to rewrite
	only          *route       // takes every request, being the only one; else nil
	certs         *certs.Store // nil without TLS
	serverTLS     *netpoll.TLS
	toBackends    *netpoll.Handshakes
	web           *web.Server
	transports    []*web.Transports
	stickyKey     []byte
	ticketSecrets *certs.Secrets
	inherited     *handover.Inherited         // nil: nothing
	onUpgrade     func() (pid int, err error) // nil: there is none
	newcomers     *rate.Table                 // handshakes by address; nil: any number
	proofs        chan struct{}               // taken by handshakes whose credential somebody else looks at
	running       context.Context             // ends with the gateway
	end           context.CancelFunc
	plain         context.Context // ends when connections with plain HTTP are to be cut
	cutPlain      context.CancelFunc
	headLimits    http1.Limits
	pauseAt       int // queued bytes at which the source is no longer read; one more read then stays below high-water
	pingMark      [4]byte
	metrics       *metricsSet
	access        *accessLog

	// Immutable once Start has returned; under starting until then.
	shards  []*shard
	addrs   []net.Addr
	sockets inheritedSockets
	admin   *admin

	// Any goroutine.
	limits       limits
	memory       giveBack
	starting     sync.Mutex // a drain waits for the start to be over
	draining     atomic.Bool
	drainTimeout time.Duration                        // under starting
	leaving      atomic.Bool                          // a successor accepts in our place
	predecessor  atomic.Pointer[handover.Predecessor] // nil: none that is known of
	rests        chan error                           // why a listener takes nobody for now
	silences     seldom                               // of auth services
	drained      sync.WaitGroup                       // counts loops that are not drained yet, and the HTTP server
	stopped      chan struct{}
	started      time.Time
}

// New prepares a gateway; nothing listens yet. It looks names up, so it may take some seconds.
func New(cfg *config.Config, log *slog.Logger, options ...Option) (*Gateway, error) {
	if len(cfg.Routes) == 0 { // made by hand
		cfg = cfg.With(func(*config.Config) {})
	}
	g := &Gateway{cfg: cfg, log: log, stopped: make(chan struct{}), metrics: newMetricsSet(), toBackends: netpoll.NewHandshakes(backendHandshakes), ticketSecrets: new(certs.Secrets)}
	for _, o := range options {
		o(g)
	}
	g.headLimits = http1.Limits{Head: int(cfg.MaxHeaderSize), Fields: cfg.MaxHeaderFields}
	g.pauseAt = int(cfg.HighWater - cfg.ReadBuffer)
	_, _ = rand.Read(g.pingMark[:])
	g.limits = limits{maxPerIP: cfg.MaxConnectionsPerIP, prefix: cfg.IPv6Prefix, perIP: headcount{}, atDoor: headcount{}}
	g.stickyKey = []byte(cfg.StickyKey)
	if len(g.stickyKey) == 0 {
		g.stickyKey = make([]byte, 32)
		_, _ = rand.Read(g.stickyKey)
	}
	if err := g.takeKeys(); err != nil {
		return nil, err
	}
	g.access = newAccessLog(cfg, log)
	g.proofs, g.rests = make(chan struct{}, maxProofs), make(chan error, 1)
	g.running, g.end = context.WithCancel(context.Background())
	g.plain, g.cutPlain = context.WithCancel(g.running)
	if cfg.ConnectionRate.Per > 0 {
		g.newcomers = rate.NewTable(cfg.ConnectionRate, cfg.RateTable)
	}
	if err := g.prepare(); err != nil {
		g.stop()
		return nil, err
	}
	return g, nil
}

// prepare makes what the configuration names: certificates, backends, routes.
func (g *Gateway) prepare() (err error) {
	trust, err := clientaddr.ParseSet(g.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	g.trusted = trust.Has
	if err = g.newTLS(); err != nil {
		return err
	}
	g.web = g.newWeb()
	return g.newRoutes()
}

// Start opens the listeners, on loops of their own, and the admin listener. After an error nothing is left open.
func (g *Gateway) Start() error {
	g.starting.Lock()
	defer g.starting.Unlock()
	if g.draining.Load() {
		return errors.New("gateway: drained before it was started")
	}
	g.started = time.Now()
	err := g.sortInherited()
	if err == nil {
		err = g.startLoops(loops(g.cfg))
	}
	if err == nil {
		err = g.listen()
	}
	g.sockets.close()
	if err == nil && g.cfg.Admin != "off" && !g.adminComesLater() {
		g.admin, err = startAdmin(g)
	}
	if err != nil {
		if g.draining.CompareAndSwap(false, true) { // else the drain that waits for us does this
			g.stop()
			close(g.stopped)
		}
		return err
	}
	if g.certs != nil {
		g.certs.Start()
	}
	for _, d := range g.gates {
		if d.auth != nil {
			d.auth.Start()
		}
	}
	go g.tellRests()
	if g.cfg.MetricsPushURL != "" {
		go g.push()
	}
	if g.needsUpkeep() {
		go g.upkeep()
	}
	for _, f := range g.fleets {
		f.group.Start()
	}
	for _, sh := range g.shards {
		_ = sh.loop.Post(func() {
			for _, links := range sh.links {
				links.Warm()
			}
		})
	}
	g.tellAddresses()
	return nil
}

// tellAddresses writes them as text, which they are not in JSON by themselves.
func (g *Gateway) tellAddresses() {
	addresses, admin := make([]string, len(g.addrs)), "off"
	for i, a := range g.addrs {
		addresses[i] = a.String()
	}
	if g.admin != nil {
		admin = g.admin.addr.String()
	}
	g.adviseHeartbeats()
	g.log.Info("listening", "addresses", addresses, "admin", admin, "loops", len(g.shards), "connections", g.limits.max)
}

func (g *Gateway) startLoops(n int) error {
	opts := netpoll.Options{
		ReadBuffer: int(g.cfg.ReadBuffer), LowWater: int(g.cfg.LowWater),
		Socket: netpoll.SocketOptions{NoDelay: g.cfg.TCPNoDelay, KeepAlive: g.cfg.TCPKeepAlive, Probed: max(1, probed()/n),
			UserTimeout: g.cfg.TCPUserTimeout, NotSent: int(g.cfg.TCPNotSent), DeferAccept: g.cfg.DeferAccept, Backlog: g.cfg.Backlog},
		OwnFiles: g.cfg.LoopFileTables, Yields: n >= runtime.GOMAXPROCS(0), OnRest: g.rested,
	}
	for i := range n {
		opts.Keep = g.sockets.kept(i, n)
		loop, err := netpoll.Start(i, opts)
		if err != nil {
			return err
		}
		g.shards = append(g.shards, newShard(g, loop))
	}
	return nil
}

// Addrs are the addresses that clients connect to, in the order of the configuration.
func (g *Gateway) Addrs() []net.Addr { return g.addrs }

// AdminAddr is the address of the admin listener, nil if there is none.
func (g *Gateway) AdminAddr() net.Addr {
	if g.admin == nil {
		return nil
	}
	return g.admin.addr
}

// Drain begins to wind down and returns at once, or when a Start under way is over; Wait tells when it is done.
// Further calls do nothing.
func (g *Gateway) Drain() { g.drain(g.cfg.DrainTimeout) }

// drain closes all sessions within timeout; with 0 they last as long as they like, until a drain with another timeout.
func (g *Gateway) drain(timeout time.Duration) {
	g.starting.Lock()
	defer g.starting.Unlock()
	first := g.draining.CompareAndSwap(false, true)
	if !first && (g.drainTimeout > 0 || timeout == 0) {
		return
	}
	g.drainTimeout = timeout
	g.log.Info("draining", "sessions", g.limits.connections.Load(), "timeout", timeout)
	if first {
		g.drained.Add(len(g.shards) + 1)
	}
	for _, sh := range g.shards {
		if sh.loop.Post(func() { sh.beginDrain(timeout) }) != nil && first {
			g.drained.Done()
		}
	}
	if timeout > 0 {
		time.AfterFunc(timeout, g.cutPlain)
	}
	if !first {
		return
	}
	go func() {
		defer g.drained.Done()
		g.web.Shutdown(g.plain)
	}()
	go func() {
		g.drained.Wait()
		cut := g.totals().cut
		g.stop()
		g.log.Info("drained", "cut", cut)
		close(g.stopped)
	}()
}

// Wait returns when the gateway has been drained.
func (g *Gateway) Wait() error {
	<-g.stopped
	return nil
}

func (g *Gateway) stop() {
	g.end()
	for _, d := range g.gates {
		if d.auth != nil {
			d.auth.Close()
		}
	}
	if g.admin != nil {
		g.admin.close()
	}
	if g.web != nil {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		g.web.Shutdown(over)
	}
	for _, t := range g.transports {
		t.Close()
	}
	if g.certs != nil {
		g.certs.Close()
	}
	for _, f := range g.fleets {
		f.group.Close()
	}
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() {
			for _, links := range sh.links {
				links.Close()
			}
		})
		sh.loop.Stop()
	}
	g.access.close()
	g.memory.ended.Store(true)
}

// welcome counts a newcomer, and tells whether there were too many of its address lately.
func (g *Gateway) welcome(ip netip.Addr) bool {
	return g.newcomers == nil || !ip.IsValid() || g.newcomers.Take(rate.IPKey(ip, g.cfg.IPv6Prefix), time.Since(began), 1)
}

// admit decides whether a well-formed request may go on to a backend.
func (g *Gateway) admit(s *session, client netip.Addr) *http1.Refusal {
	if g.draining.Load() {
		return refusedDraining
	}
	why := g.limits.enter(client)
	if s.marks.set(admitted, why == nil); why == nil {
		s.leaveDoor()
	}
	return why
}
