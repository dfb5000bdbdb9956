package session

import (
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/observe"
	"weir/gateway/plan"
)

// Shards are those of all loops. Their methods are for any goroutine but a loop's. One that has stopped is left out.
type Shards []*Shard

// Stats copies the counters.
func (all Shards) Stats() (stats []observe.LoopStats) {
	for _, sh := range all {
		var st observe.LoopStats
		if sh.Loop.Do(func() { st = sh.snapshot() }) == nil {
			stats = append(stats, st)
		}
	}
	return stats
}

// Adopt has all loops go by p, each in several short tasks.
func (all Shards) Adopt(p *plan.Plan) {
	for _, sh := range all {
		_ = sh.Loop.Do(func() { sh.adopt(p) })
	}
	for _, sh := range all {
		for more := true; more; {
			more = false
			_ = sh.Loop.Do(func() { more = !sh.settle() })
		}
	}
}

// Evict has all loops close the sessions that p has no place for, at the pace of reload-drain.
func (all Shards) Evict(p *plan.Plan) {
	for _, sh := range all {
		_ = sh.Loop.Do(func() { sh.evict(p) })
	}
}

// Close ends the sessions that are chosen, and counts them.
func (all Shards) Close(c Choice, code ws.StatusCode) int {
	return all.each(func(s *session) bool { return s.closeIf(&c, code) })
}

// Renew lets the sessions that are chosen last until their credential's new end, and counts them.
func (all Shards) Renew(c Choice, expires time.Time) int {
	return all.each(func(s *session) bool { return s.renewIf(&c, expires) })
}

// each does something with all sessions, which may leave meanwhile, and counts those it was done with.
func (all Shards) each(do func(*session) bool) (n int) {
	for _, sh := range all {
		_ = sh.Loop.Do(func() {
			for _, s := range append([]*session(nil), sh.sessions...) {
				if do(s) {
					n++
				}
			}
		})
	}
	return n
}

// CountByGeneration counts sessions by the configuration that they go by: that in force where it has their route as it
// was, else the one that their route was made for.
func (all Shards) CountByGeneration() map[uint64]int {
	open := map[uint64]int{}
	for _, sh := range all {
		_ = sh.Loop.Do(func() {
			for r, l := range sh.lanes {
				generation := sh.plan.Generation
				if l.stale {
					generation = r.Generation
				}
				if l.sessions > 0 {
					open[generation] += l.sessions
				}
			}
		})
	}
	return open
}

// Stop ends the loops.
func (all Shards) Stop() {
	for _, sh := range all {
		_ = sh.Loop.Do(func() {
			for _, links := range sh.links {
				links.Close()
			}
			clear(sh.links)
		})
		sh.Loop.Stop()
	}
}
