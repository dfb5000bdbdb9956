package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"weir/gateway/admin"
	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/gateway/logqueue"
	"weir/internal/handover"
	"weir/netpoll"
)

// Gateway fronts the backends of one configuration at a time.
type Gateway struct {
	// Immutable once New has returned.
	cfg       *config.Config                 // of the start, for what counts after a restart alone
	inherited *handover.Inherited            // nil: nothing
	onUpgrade func() (pid int, err error)    // nil: there is none
	onDrain   func()                         // nil: nobody hears
	load      func() (*config.Config, error) // reads the configuration again; nil: it cannot be
	taken     func(*config.Config)           // hears of each that was taken; nil: nobody does
	end       context.CancelFunc             // of what runs until the gateway ends
	plain     context.Context                // ends when connections with plain HTTP are to be cut
	cutPlain  context.CancelFunc
	lines     *logqueue.Handler // before the log
	ownLines  bool              // they are to be closed here
	proc      process

	// Immutable once Start has returned; under starting until then.
	shards  []*shard
	addrs   map[string]net.Addr // by the name of the listener
	sockets inheritedSockets
	admin   *admin.Server

	// Any goroutine.
	given        *config.Config // that was loaded last, under reloading
	tookConfig   chan struct{}  // after each reload
	upkeeping    sync.Once
	reloading    sync.Mutex                           // one reload at a time
	freeing      atomic.Bool                          // idle connections are being closed
	starting     sync.Mutex                           // a drain waits for the start to be over
	drainTimeout time.Duration                        // under starting
	leaving      atomic.Bool                          // a successor accepts in our place
	predecessor  atomic.Pointer[handover.Predecessor] // nil: none that is known of
	rests        chan error                           // why a listener takes nobody for now
	stopped      chan struct{}
	started      time.Time
}

// New prepares a gateway; nothing listens yet. It looks names up, so it may take some seconds. Where log is not written by way
// of a logqueue, it is from now on: whoever reads it must not hold up the gateway.
func New(cfg *config.Config, log *slog.Logger, options ...Option) (*Gateway, error) {
	if len(cfg.Routes) == 0 { // made by hand
		cfg = cfg.With(func(*config.Config) {})
	}
	g := &Gateway{cfg: cfg, given: cfg, stopped: make(chan struct{}), rests: make(chan error, 1), tookConfig: make(chan struct{}, 1)}
	g.proc.env = &env{start: cfg, metrics: newMetricsSet(), ticketSecrets: new(certs.Secrets), stickyKey: make([]byte, 32)}
	g.proc.shortage = g.shortage
	for _, o := range options {
		o(g)
	}
	_, _ = rand.Read(g.proc.pingMark[:])
	_, _ = rand.Read(g.proc.stickyKey)
	g.makeBounds()
	if err := g.takeKeys(); err != nil {
		return nil, err
	}
	g.queueLog(log)
	g.proc.running, g.end = context.WithCancel(context.Background())
	g.plain, g.cutPlain = context.WithCancel(g.proc.running)
	g.proc.web = g.newWeb()
	p, _, err := g.proc.build(cfg, nil)
	if err != nil {
		g.stop()
		g.closeLog()
		return nil, err
	}
	g.proc.plan.Store(p)
	g.bound(p)
	return g, nil
}

// Start opens the listeners, on loops of their own, and the admin listener. After an error nothing is left open.
func (g *Gateway) Start() error {
	g.starting.Lock()
	defer g.starting.Unlock()
	g.addrs = map[string]net.Addr{}
	if g.proc.draining.Load() {
		return errors.New("gateway: drained before it was started")
	}
	g.started = time.Now()
	err := g.sortInherited()
	if err == nil {
		err = g.startLoops(loops(g.cfg))
	}
	if err == nil {
		err = g.openListeners(g.proc.plan.Load())
	}
	g.sockets.close()
	if err == nil && g.cfg.Admin != "off" && !g.adminComesLater() {
		g.admin, err = admin.Listen(g.cfg.Admin, operations{g}, g.proc.log)
	}
	if err != nil {
		if g.proc.draining.CompareAndSwap(false, true) { // else the drain that waits for us does this
			g.stop()
			g.closeLog()
			close(g.stopped)
		}
		return err
	}
	g.proc.plan.Load().start()
	go g.tellRests()
	if g.load != nil {
		go g.watchConfig()
	}
	if g.cfg.MetricsPushURL != "" {
		pusher := &pusher{url: g.cfg.MetricsPushURL, labels: g.cfg.MetricsPushLabels, every: g.cfg.MetricsPushInterval,
			write: g.writeMetrics, metrics: g.proc.metrics, log: g.proc.log}
		go pusher.run(g.proc.running)
	}
	g.startUpkeep()
	g.adopt(g.proc.plan.Load())
	g.tellAddresses()
	return nil
}

// tellAddresses writes them as text, which they are not in JSON by themselves.
func (g *Gateway) tellAddresses() {
	var addresses []string
	admin := "off"
	for _, a := range g.listening() {
		addresses = append(addresses, a.String())
	}
	if g.admin != nil {
		admin = g.admin.Addr().String()
	}
	g.adviseHeartbeats()
	g.proc.log.Info("listening", "addresses", addresses, "admin", admin, "loops", len(g.shards), "connections", g.proc.admitted.Max())
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
		opts.Sockets = g.socketsOf()
		loop, err := netpoll.Start(i, opts)
		if err != nil {
			return err
		}
		g.shards = append(g.shards, newShard(&g.proc, loop, opts.Sockets))
	}
	return nil
}

// Addrs are the addresses that clients connect to, in the order of the configuration.
func (g *Gateway) Addrs() (all []net.Addr) {
	g.starting.Lock()
	defer g.starting.Unlock()
	return g.listening()
}

// listening are the addresses in the order of the configuration.
func (g *Gateway) listening() (all []net.Addr) {
	for _, w := range g.proc.plan.Load().listensOn() {
		if a := g.addrs[w.name]; a != nil {
			all = append(all, a)
		}
	}
	return all
}

// AdminAddr is the address of the admin listener, nil if there is none.
func (g *Gateway) AdminAddr() net.Addr {
	if g.admin == nil {
		return nil
	}
	return g.admin.Addr()
}

// Drain begins to wind down and returns at once, or when a Start under way is over; Wait tells when it is done.
// Further calls do nothing.
func (g *Gateway) Drain() { g.drain(g.proc.plan.Load().cfg.DrainTimeout) }

// drain closes all sessions within timeout; with 0 they last as long as they like, until a drain with another timeout.
func (g *Gateway) drain(timeout time.Duration) {
	g.starting.Lock()
	defer g.starting.Unlock()
	first := g.proc.draining.CompareAndSwap(false, true)
	if !first && (g.drainTimeout > 0 || timeout == 0) {
		return
	}
	g.drainTimeout = timeout
	g.proc.log.Info("draining", "sessions", g.proc.admitted.Len(), "timeout", timeout)
	if first {
		g.proc.drained.Add(len(g.shards) + 1)
		if g.onDrain != nil {
			g.onDrain()
		}
	}
	for _, sh := range g.shards {
		if sh.loop.Post(func() { sh.beginDrain(timeout) }) != nil && first {
			g.proc.drained.Done()
		}
	}
	if timeout > 0 {
		time.AfterFunc(timeout, g.cutPlain)
	}
	if !first {
		return
	}
	go func() {
		defer g.proc.drained.Done()
		g.proc.web.Shutdown(g.plain)
	}()
	go func() {
		g.proc.drained.Wait()
		cut := sum(g.stats(), func(st *loopStats) uint64 { return st.cut })
		g.reloading.Lock() // none is under way
		g.stop()
		g.reloading.Unlock()
		g.proc.log.Info("drained", "cut", cut)
		g.closeLog()
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
	if g.admin != nil {
		g.admin.Close()
	}
	if g.proc.web != nil {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		g.proc.web.Shutdown(over)
	}
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() {
			for _, links := range sh.links {
				links.Close()
			}
			clear(sh.links)
		})
		sh.loop.Stop()
	}
	if p := g.proc.plan.Load(); p != nil {
		p.release()
	}
	g.proc.parting.Wait()
	g.proc.memory.ended.Store(true)
}
