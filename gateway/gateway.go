package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"weir/gateway/admin"
	"weir/gateway/config"
	"weir/gateway/listen"
	"weir/gateway/logqueue"
	"weir/gateway/observe"
	"weir/gateway/session"
	"weir/internal/handover"
	"weir/upstream"
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
	proc      *session.Process

	// Immutable once Start has returned; under starting until then.
	shards    session.Shards
	listeners *listen.Listeners
	admin     *admin.Server

	// Any goroutine.
	given        *config.Config // that was loaded last, under reloading
	tookConfig   chan struct{}  // after each reload
	upkeeping    sync.Once
	reloading    sync.Mutex                           // one reload at a time
	starting     sync.Mutex                           // a drain waits for the start to be over
	drainTimeout time.Duration                        // under starting
	leaving      atomic.Bool                          // a successor accepts in our place
	predecessor  atomic.Pointer[handover.Predecessor] // nil: none that is known of
	stopped      chan struct{}
	started      time.Time
}

// New prepares a gateway; nothing listens yet. It looks names up, so it may take some seconds. Where log is not written by way
// of a logqueue, it is from now on: whoever reads it must not hold up the gateway.
func New(cfg *config.Config, log *slog.Logger, options ...Option) (*Gateway, error) {
	if len(cfg.Routes) == 0 { // made by hand
		cfg = cfg.With(func(*config.Config) {})
	}
	g := &Gateway{cfg: cfg, given: cfg, proc: session.NewProcess(cfg), stopped: make(chan struct{}), tookConfig: make(chan struct{}, 1)}
	for _, o := range options {
		o(g)
	}
	if err := g.takeOver(); err != nil {
		return nil, err
	}
	g.queueLog(log)
	g.listeners = listen.New(cfg, g.proc.Log)
	g.proc.Running, g.end = context.WithCancel(context.Background())
	g.plain, g.cutPlain = context.WithCancel(g.proc.Running)
	g.proc.OnLeave = func(e *upstream.Endpoint, why upstream.Cause) { g.shards.Leave(e, why) } // once they run
	g.proc.ServePlain()
	p, _, err := g.proc.Build(cfg, nil)
	if err != nil {
		g.stop()
		g.closeLog()
		return nil, err
	}
	g.proc.Plan.Store(p)
	g.proc.Bound(p)
	return g, nil
}

// Start opens the listeners, on loops of their own, and the admin listener. After an error nothing is left open.
func (g *Gateway) Start() error {
	g.starting.Lock()
	defer g.starting.Unlock()
	if g.proc.Draining.Load() {
		return errors.New("gateway: drained before it was started")
	}
	g.started = time.Now()
	err := g.listeners.Inherit(g.inherited)
	if err == nil {
		g.shards, err = session.StartLoops(g.proc, g.listeners.Share)
	}
	if err == nil {
		err = g.listeners.Open(g.shards, g.proc.Plan.Load())
	}
	g.listeners.CloseInherited()
	if err == nil && g.cfg.Admin != "off" && !g.adminComesLater() {
		g.admin, err = admin.Listen(g.cfg.Admin, operations{g}, g.proc.Log)
	}
	if err != nil {
		if g.proc.Draining.CompareAndSwap(false, true) { // else the drain that waits for us does this
			g.stop()
			g.closeLog()
			close(g.stopped)
		}
		return err
	}
	g.proc.Plan.Load().Start()
	go g.proc.TellRests()
	if g.load != nil {
		go g.watchConfig()
	}
	if g.cfg.MetricsPushURL != "" {
		pusher := &observe.Pusher{URL: g.cfg.MetricsPushURL, Labels: g.cfg.MetricsPushLabels, Every: g.cfg.MetricsPushInterval,
			Write: g.writeMetrics, Metrics: g.proc.Metrics, Log: g.proc.Log}
		go pusher.Run(g.proc.Running)
	}
	g.startUpkeep()
	g.shards.Adopt(g.proc.Plan.Load())
	g.tellAddresses()
	return nil
}

// tellAddresses writes them as text, which they are not in JSON by themselves.
func (g *Gateway) tellAddresses() {
	var addresses []string
	admin := "off"
	for _, a := range g.listeners.Addrs(g.proc.Plan.Load()) {
		addresses = append(addresses, a.String())
	}
	if g.admin != nil {
		admin = g.admin.Addr().String()
	}
	g.proc.Log.Info("listening", "addresses", addresses, "admin", admin, "loops", len(g.shards), "connections", g.proc.Admitted.Max())
	g.proc.AdviseHeartbeats()
}

// Addrs are the addresses that clients connect to, in the order of the configuration.
func (g *Gateway) Addrs() []net.Addr {
	g.starting.Lock()
	defer g.starting.Unlock()
	return g.listeners.Addrs(g.proc.Plan.Load())
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
func (g *Gateway) Drain() { g.drain(g.proc.Plan.Load().Config.DrainTimeout) }

// drain closes all sessions within timeout; with 0 they last as long as they like, until a drain with another timeout.
func (g *Gateway) drain(timeout time.Duration) {
	g.starting.Lock()
	defer g.starting.Unlock()
	first := g.proc.Draining.CompareAndSwap(false, true)
	if !first && (g.drainTimeout > 0 || timeout == 0) {
		return
	}
	g.drainTimeout = timeout
	g.proc.Log.Info("draining", "sessions", g.proc.Admitted.Len(), "timeout", timeout)
	if first {
		g.proc.Drained.Add(len(g.shards) + 1)
		if g.onDrain != nil {
			g.onDrain()
		}
	}
	for _, sh := range g.shards {
		if sh.Loop.Post(func() { sh.BeginDrain(timeout) }) != nil && first {
			g.proc.Drained.Done()
		}
	}
	if timeout > 0 {
		time.AfterFunc(timeout, g.cutPlain)
	}
	if !first {
		return
	}
	go func() {
		defer g.proc.Drained.Done()
		g.proc.Web.Shutdown(g.plain)
	}()
	go func() {
		g.proc.Drained.Wait()
		cut := observe.Sum(g.shards.Stats(), func(st *observe.LoopStats) uint64 { return st.Cut })
		g.reloading.Lock() // none is under way
		g.stop()
		g.reloading.Unlock()
		g.proc.Log.Info("drained", "cut", cut)
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
	if g.proc.Web != nil {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		g.proc.Web.Shutdown(over)
	}
	g.shards.Stop()
	if p := g.proc.Plan.Load(); p != nil {
		p.Release()
	}
	g.proc.Parting.Wait()
	g.proc.Memory.Ended.Store(true)
}
