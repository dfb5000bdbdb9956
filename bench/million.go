//go:build linux

package bench

import (
	"context"
	"time"

	"weir/bench/peers"
	"weir/bench/proc"
)

// Million is what very many sockets in one process were seen to cost.
type Million struct {
	When    time.Time `json:"when"`
	Machine Machine   `json:"machine"`
	Growth

	PingSeconds     float64 `json:"ping_interval_seconds"` // 0: no pings
	PingsPerSecond  float64 `json:"pings_answered_per_second"`
	MessageMicros   float64 `json:"message_us"` // of weir's CPU for each message, beyond what it uses while all are idle
	Collections     int     `json:"gc_collections"`
	LongestPause    float64 `json:"gc_longest_pause_us"`  // of the two in each collection
	StandingPause   float64 `json:"gc_pause_all_open_us"` // longest with all connections open
	CollectionShare float64 `json:"gc_cpu_share"`         // of weir's CPU time since its start

	DrainSeconds float64     `json:"drain_seconds"` // from SIGTERM to weir's end
	Closed       map[int]int `json:"closed"`        // close frames the clients got, by code
}

// standingCollections are asked for while all connections are open.
const standingCollections = 5

// HoldMany opens the plan's connections, holds them idle, lets some talk, and drains. With an error the Million
// holds what was measured before.
func HoldMany(ctx context.Context, plan Many) (Million, error) {
	m := Million{When: time.Now(), Machine: ReadMachine(plan.Gateway), PingSeconds: plan.Ping.Seconds()}
	m.Conns, m.Loops = plan.Conns, plan.Loops
	err := on(ctx, plan, m.measure)
	if err != nil {
		m.Err = err.Error()
	}
	return m, err
}

func (m *Million) measure(ctx context.Context, s *stage) error {
	if err := s.open(ctx, &m.Growth); err != nil {
		return err
	}
	pings, err := s.idle(ctx, &m.Growth)
	if err != nil {
		return err
	}
	m.PingsPerSecond = float64(pings) / s.plan.Idle.Seconds()
	for range standingCollections { // else there may be none at all, and no pause to tell of
		if err := peers.Collect(ctx, s.admin); err != nil {
			return err
		}
	}
	if err := s.talk(ctx, &m.Growth); err != nil {
		return err
	}
	m.MessageMicros = m.CPUMicros
	if m.Ops > 0 {
		m.MessageMicros = (m.CPUShare - m.IdleShare) * m.Seconds * 1e6 / float64(m.Ops)
	}
	if err := m.collections(ctx, s); err != nil {
		return err
	}
	took, closed, err := s.drain(ctx)
	m.DrainSeconds, m.Closed = took.Seconds(), closed
	return err
}

// collections reads what weir's garbage collector did in its whole life.
func (m *Million) collections(ctx context.Context, s *stage) error {
	found, err := scrape(ctx, s.admin)
	if err != nil {
		return err
	}
	cpu, err := proc.ReadCPU(s.gateway.Pid)
	if err != nil {
		return err
	}
	m.Collections = int(found["go_gc_duration_seconds_count"])
	m.LongestPause, m.StandingPause = s.collector.longest(0), s.collector.longest(s.pauses)
	m.CollectionShare = found["go_gc_cpu_seconds_total"] / cpu.Total.Seconds()
	return nil
}
