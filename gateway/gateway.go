package gateway

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/frame"
	"weir/codec/http1"
	"weir/gateway/config"
	"weir/netpoll"
	"weir/upstream"
)

// Gateway fronts the backends of one configuration.
type Gateway struct {
	// Immutable once New has returned.
	cfg        *config.Config
	log        *slog.Logger
	group      *upstream.Group
	dialer     *upstream.Dialer
	headers    http1.Rules
	headLimits http1.Limits
	upRules    frame.Rules
	downRules  frame.Rules
	pauseAt    int // queued bytes at which the source is no longer read; one more read then stays below high-water
	pingMark   [4]byte
	metrics    *metricsSet
	access     *accessLog

	// Immutable once Start has returned; under starting until then.
	shards []*shard
	addrs  []net.Addr
	admin  *admin

	// Any goroutine.
	limits   limits
	memory   giveBack
	starting sync.Mutex // a drain waits for the start to be over
	draining atomic.Bool
	drained  sync.WaitGroup // counts loops that are not drained yet
	stopped  chan struct{}
	started  time.Time
}

// New prepares a gateway; nothing listens yet. It looks names up, so it may take some seconds.
func New(cfg *config.Config, log *slog.Logger) (*Gateway, error) {
	g := &Gateway{cfg: cfg, log: log, stopped: make(chan struct{}), metrics: newMetricsSet()}
	var err error
	if g.headers, err = cfg.HeaderRules(); err != nil {
		return nil, err
	}
	g.headLimits = http1.Limits{Head: int(cfg.MaxHeaderSize), Fields: cfg.MaxHeaderFields}
	g.upRules = frame.Rules{Masked: true, MaxFrame: uint64(cfg.MaxFrameSize), MaxMessage: uint64(cfg.MaxMessageSize), ValidateUTF8: cfg.ValidateUTF8}
	g.downRules = g.upRules
	g.downRules.Masked = false
	g.pauseAt = int(cfg.HighWater - cfg.ReadBuffer)
	_, _ = rand.Read(g.pingMark[:])
	specs, err := cfg.Backends()
	if err != nil {
		return nil, err
	}
	g.limits = limits{max: maxConnections(cfg, specs), maxPerIP: cfg.MaxConnectionsPerIP, perIP: map[netip.Addr]int32{}}
	if g.group, err = newGroup(cfg, specs, log); err != nil {
		return nil, err
	}
	g.dialer = &upstream.Dialer{Group: g.group, Retries: cfg.ConnectRetries, ConnectTimeout: cfg.ConnectTimeout,
		AnswerTimeout: cfg.BackendTimeout, Limits: g.headLimits, OnConnect: g.metrics.connected,
		Pool: upstream.PoolOptions{Min: cfg.PoolMin, MaxStreams: cfg.PoolMaxStreams, Window: int(cfg.ReadBuffer), Idle: cfg.PoolIdle,
			PingInterval: cfg.PoolPingInterval, PingTimeout: cfg.PoolPingTimeout, Spread: cfg.PoolSpread}}
	g.access = newAccessLog(cfg, log)
	return g, nil
}

// Start opens the listeners, on loops of their own, and the admin listener. After an error nothing is left open.
func (g *Gateway) Start() error {
	g.starting.Lock()
	defer g.starting.Unlock()
	if g.draining.Load() {
		return errors.New("gateway: drained before it was started")
	}
	g.started = time.Now()
	n := g.cfg.Loops
	if n == 0 {
		n = runtime.GOMAXPROCS(0) // knows of a container's CPU quota
	}
	err := g.startLoops(n)
	if err == nil {
		err = g.listen()
	}
	if err == nil && g.cfg.Admin != "off" {
		g.admin, err = startAdmin(g)
	}
	if err != nil {
		if g.draining.CompareAndSwap(false, true) { // else the drain that waits for us does this
			g.stop()
			close(g.stopped)
		}
		return err
	}
	g.group.Start()
	for _, sh := range g.shards {
		_ = sh.loop.Post(sh.links.Warm)
	}
	g.log.Info("listening", "addresses", g.addrs, "admin", g.AdminAddr(), "loops", n, "connections", g.limits.max)
	return nil
}

func (g *Gateway) startLoops(n int) error {
	opts := netpoll.Options{
		ReadBuffer: int(g.cfg.ReadBuffer), LowWater: int(g.cfg.LowWater),
		Socket: netpoll.SocketOptions{NoDelay: g.cfg.TCPNoDelay, KeepAlive: g.cfg.TCPKeepAlive,
			UserTimeout: g.cfg.TCPUserTimeout, DeferAccept: g.cfg.DeferAccept, Backlog: g.cfg.Backlog},
	}
	for i := range n {
		loop, err := netpoll.Start(i, opts)
		if err != nil {
			return err
		}
		g.shards = append(g.shards, newShard(g, loop))
	}
	return nil
}

// listen opens every address on every loop. The first loop finds the port where it was left open.
func (g *Gateway) listen() error {
	for _, text := range g.cfg.Listen {
		addr, err := listenAddr(text)
		if err != nil {
			return fmt.Errorf("listen: %q: %w", text, err)
		}
		for _, sh := range g.shards {
			var ln *netpoll.Listener
			if stopped := sh.loop.Do(func() {
				if ln, err = sh.loop.Listen(addr, sh); err == nil {
					sh.listeners = append(sh.listeners, ln)
					addr = ln.Addr()
				}
			}); stopped != nil || err != nil {
				return fmt.Errorf("listen: cannot listen on %s: %w", text, cmp.Or(err, stopped))
			}
		}
		g.addrs = append(g.addrs, net.TCPAddrFromAddrPort(addr))
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
func (g *Gateway) Drain() {
	if !g.draining.CompareAndSwap(false, true) {
		return
	}
	g.starting.Lock()
	defer g.starting.Unlock()
	g.log.Info("draining", "sessions", g.limits.connections.Load(), "timeout", g.cfg.DrainTimeout)
	g.drained.Add(len(g.shards))
	for _, sh := range g.shards {
		if sh.loop.Post(sh.beginDrain) != nil {
			g.drained.Done()
		}
	}
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
	if g.admin != nil {
		g.admin.close()
	}
	g.group.Close()
	for _, sh := range g.shards {
		_ = sh.loop.Do(sh.links.Close)
		sh.loop.Stop()
	}
	g.access.close()
	g.memory.ended.Store(true)
}

// admit decides whether a well-formed request may go on to a backend.
func (g *Gateway) admit(s *session) *http1.Refusal {
	if g.draining.Load() {
		return refusedDraining
	}
	return g.limits.enter(s)
}

// hashKey is the place on the ring of who asks.
func (g *Gateway) hashKey(s *session, r *http1.Request) uint64 {
	switch on := g.cfg.HashOn; on.By {
	case config.HashPath:
		return upstream.Hash(r.Path)
	case config.HashHeader:
		return upstream.Hash(r.Get(on.Name))
	case config.HashCookie:
		return upstream.Hash(r.Cookie(on.Name))
	case config.HashQuery:
		return upstream.Hash(r.QueryParam(on.Name))
	case config.HashRandom:
		return mrand.Uint64()
	default:
		return upstream.Hash(s.ip[:])
	}
}
