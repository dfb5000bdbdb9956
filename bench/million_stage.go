//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"weir/bench/load"
	"weir/bench/peers"
	"weir/bench/proc"
	"weir/bench/swarm"
)

// stage is a weir with its backend and its load. Its methods fill in a Growth as they go, so that an
// error leaves what was found before.
type stage struct {
	plan    Many
	tables  bool
	backend *peers.Process
	gateway *peers.Process
	admin   netip.AddrPort
	swarm   *swarm.Swarm

	mu    sync.Mutex // of the phase, which is told while it lasts
	phase string
	began time.Time

	rss, backendRSS, slab int64     // before the first client
	collector             collector // of weir
	pauses                int       // of it, until all were open
	faults                []error
}

const (
	pendingToWeir = 1024 // handshakes under way, within one listener's backlog
	openWithin    = 30 * time.Second
)

// on raises a stage, has it measured, and takes it down, within the plan's time.
func on(ctx context.Context, plan Many, measure func(context.Context, *stage) error) error {
	ctx, cancel := plan.bound(ctx)
	defer cancel()
	s, err := raise(ctx, plan)
	defer s.stop()
	defer s.narrate()()
	if err == nil {
		err = measure(ctx, s)
	}
	return s.explain(err)
}

// raise starts the processes. Stop has to be called also after an error.
func raise(ctx context.Context, plan Many) (s *stage, err error) {
	s = &stage{plan: plan, phase: "looking at the machine"}
	r, err := readRoom()
	if err != nil {
		return s, err
	}
	if s.tables, err = s.plan.fit(r); err != nil {
		return s, err
	}
	s.enter("starting")
	place := peers.Place{Files: r.files}
	if s.backend, err = peers.Start(ctx, peers.EchoH2C(plan.Self), place); err != nil {
		return s, fmt.Errorf("backend: %w", err)
	}
	place.Backend = s.backend.Addr()
	if s.gateway, err = peers.Start(ctx, s.peer(), place); err != nil {
		return s, fmt.Errorf("weir: %w", err)
	}
	s.swarm, err = swarm.Start([]string{plan.Self, "swarm"}, s.plan.Processes)
	if err == nil {
		s.rss, s.backendRSS, s.slab, err = s.memory()
	}
	return s, err
}

// peer is weir with its clients pooled, and all else as users run it.
func (s *stage) peer() peers.Peer {
	return peers.Peer{Name: "weir", Env: []string{traceCollector}, Hear: s.collector.take, Command: func(at peers.Place) ([]string, error) {
		s.admin = at.Admin
		argv := []string{s.plan.Gateway, "--loops", strconv.Itoa(s.plan.Loops), "--upstream", "h2c://" + at.Backend.String(),
			"--listen", at.Listen.String(), "--admin", at.Admin.String(), "--access-log", "off", "--health-interval", "0",
			"--ping-interval", s.plan.Ping.String(), "--drain-timeout", s.plan.Drain.String()}
		if s.tables {
			argv = append(argv, "--loop-file-tables")
		}
		return argv, nil
	}}
}

func (s *stage) stop() {
	if s.swarm != nil {
		s.swarm.Stop()
	}
	for _, p := range []*peers.Process{s.gateway, s.backend} {
		if p != nil {
			p.Stop()
		}
	}
}

// note counts the connections that are missing.
func (s *stage) note(g *Growth, t *swarm.Tally) {
	g.Failed = g.Conns - t.Live
	s.keep(t)
}

// keep remembers the faults of single connections, which do not end a measurement.
func (s *stage) keep(t *swarm.Tally) {
	if err := t.Err(); err != nil {
		s.faults = append(s.faults, fmt.Errorf("while %s: %w", s.phase, err))
	}
}

// explain makes one error of what ended the measurement, if anything did, of what is known of the processes that
// were measured, and of the faults.
func (s *stage) explain(err error) error {
	if err == nil {
		return errors.Join(s.faults...)
	}
	err = errors.Join(append(s.faults, fmt.Errorf("while %s: %w", s.phase, err))...)
	for _, of := range []struct {
		name    string
		process *peers.Process
	}{{"weir", s.gateway}, {"backend", s.backend}} {
		if of.process == nil {
			continue
		}
		if dead := of.process.Ended(reaped); dead != nil {
			err = fmt.Errorf("%w; %s %w", err, of.name, dead)
		}
	}
	return err
}

func (s *stage) memory() (gateway, backend, slab int64, err error) {
	gateway, err1 := proc.ReadRSS(s.gateway.Pid)
	backend, err2 := proc.ReadRSS(s.backend.Pid)
	slab, err3 := proc.ReadSlab()
	return gateway, backend, slab, errors.Join(err1, err2, err3)
}

// open opens the connections and lets them settle.
func (s *stage) open(ctx context.Context, g *Growth) error {
	g.Conns, g.Loops, g.Processes, g.FileTables = s.plan.Conns, s.plan.Loops, s.plan.Processes, s.tables
	s.enter("opening")
	m := meter{pids: []int{s.gateway.Pid}}
	m.begin()
	addr := s.gateway.Addr()
	tally, err := s.swarm.Open(ctx, swarm.Open{
		Target: swarm.Target{Addr: addr, Host: addr.String(), Path: "/"},
		Conns:  s.plan.Conns, Rate: s.plan.Rate, Pending: pendingToWeir, Within: openWithin,
	})
	m.end()
	g.OpenSeconds = time.Since(s.began).Seconds()
	g.Held = tally.Live
	s.note(g, &tally)
	if err := errors.Join(err, m.err); err != nil {
		return err
	}
	user, system := m.used()
	g.HandshakeMicros = micros(user+system) / float64(g.Held)
	s.enter("settling") // weir gives memory back a second after the last newcomer
	tally, err = s.swarm.Hold(ctx, 2*time.Second+time.Duration(g.Held)*4*time.Microsecond)
	if s.note(g, &tally); err != nil {
		return err
	}
	return s.weigh(ctx, g)
}

// weigh reads what the connections take of memory.
func (s *stage) weigh(ctx context.Context, g *Growth) error {
	rss, backendRSS, slab, err := s.memory()
	if err != nil {
		return err
	}
	loadRSS, err := proc.ReadRSS(s.swarm.Pids()...)
	held := float64(g.Held)
	g.RSSPerConn, g.SlabPerConn = float64(rss-s.rss)/held, float64(slab-s.slab)/held
	g.BackendRSS, g.LoadRSS = float64(backendRSS-s.backendRSS)/held, float64(loadRSS)/held
	threads, err2 := proc.ReadThreads(s.gateway.Pid)
	g.Threads = threads
	found, err3 := scrape(ctx, s.admin)
	g.Goroutines = int(found["go_goroutines"])
	s.pauses = s.collector.seen()
	return errors.Join(err, err2, err3)
}

// idle accounts what weir does while its clients are silent; it is told how many pings they answered.
func (s *stage) idle(ctx context.Context, g *Growth) (pings int, err error) {
	s.enter("idle")
	m := meter{pids: []int{s.gateway.Pid}}
	m.begin()
	tally, err := s.swarm.Hold(ctx, s.plan.Idle)
	m.end()
	user, system := m.used()
	g.IdleShare = m.share(user + system)
	s.note(g, &tally)
	return tally.Pings, errors.Join(err, m.err)
}

// talk lets some talk while the others are idle.
func (s *stage) talk(ctx context.Context, g *Growth) error {
	s.enter("talking")
	g.Talkers, g.MessageRate = s.plan.Talkers, s.plan.MessageRate
	m := meter{pids: []int{s.gateway.Pid}, load: s.swarm.Pids()}
	tally, err := s.swarm.Talk(ctx, swarm.Talk{
		Active: s.plan.Talkers, Size: s.plan.Size, Rate: s.plan.MessageRate, Warmup: time.Second, Duration: s.plan.Talk,
	}, m.begin, m.end)
	s.note(g, &tally)
	if err := errors.Join(err, m.err); err != nil {
		return err
	}
	memory := g.Figures
	g.Figures = m.figures(load.Result{Ops: int64(tally.Ops), Elapsed: s.plan.Talk, Latency: tally.Latency, Busy: tally.Busy, Starved: tally.Starved})
	g.RSSPerConn, g.SlabPerConn, g.Threads, g.Goroutines = memory.RSSPerConn, memory.SlabPerConn, memory.Threads, memory.Goroutines
	return nil
}

// drain ends weir as an operator would, and says how long that took and what clients were told.
func (s *stage) drain(ctx context.Context) (took time.Duration, closed map[int]int, err error) {
	s.enter("draining")
	if err := syscall.Kill(s.gateway.Pid, syscall.SIGTERM); err != nil {
		return 0, nil, err
	}
	tally, err := s.swarm.Await(ctx, s.plan.Drain+10*time.Second)
	for err == nil && ctx.Err() == nil && s.gateway.Ended(10*time.Millisecond) == nil {
		if time.Since(s.began) > s.plan.Drain+20*time.Second {
			err = errors.New("weir has closed all its clients and does not end")
		}
	}
	s.keep(&tally)
	return time.Since(s.began), tally.Closed, errors.Join(err, ctx.Err())
}
