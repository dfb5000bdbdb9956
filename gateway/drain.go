package gateway

import (
	"time"

	"weir/netpoll"
)

// drain is how a loop winds down: no new clients, and the sessions closed at a steady pace, so that those who
// reconnect elsewhere do not all come at once.
type drain struct {
	timer    netpoll.Timer
	began    time.Duration
	timeout  time.Duration // over which sessions are closed; 0: they last as long as they like
	deadline time.Duration
	due      []*session // those that stood when it began, not asked to close yet
	total    int
	active   bool
	done     bool
}

// drainStep is how often the next sessions are closed.
const drainStep = 20 * time.Millisecond

// beginDrain runs on the loop. One that has no timeout goes on with one when it begins again.
func (sh *shard) beginDrain(timeout time.Duration) {
	d := &sh.drain
	if d.done {
		return
	}
	for _, d := range sh.doors {
		d.listener.Close()
	}
	sh.doors = nil
	d.active, d.timeout = true, timeout
	if timeout == 0 {
		sh.ended()
		return
	}
	d.began = sh.loop.Now()
	d.deadline = d.began + timeout
	d.due = append(d.due[:0], sh.sessions...)
	d.total = len(d.due)
	sh.OnTimer(nil)
}

// OnTimer takes the next step of the drain. Sessions are closed over most of the drain timeout; the close
// timeout at its end, or half of it if that is longer, is for clients to answer.
func (sh *shard) OnTimer(*netpoll.Timer) {
	d, cfg, now := &sh.drain, sh.plan.cfg, sh.loop.Now()
	window := max(d.timeout-cfg.CloseTimeout, d.timeout/2)
	if now >= d.deadline {
		for len(sh.sessions) > 0 {
			s := sh.sessions[len(sh.sessions)-1]
			if s.phase < greeting {
				s.turnAway(refusedDraining.Reason)
				continue
			}
			if s.phase <= asking {
				s.refuse(refusedDraining)
			}
			s.begin(reasonDrain, 0)
			s.cut()
		}
	}
	want := dueBy(now-d.began+drainStep, window, d.total)
	for ; d.total-len(d.due) < want; d.due = d.due[1:] {
		d.due[0].drain()
	}
	sh.ended()
	if !d.done {
		sh.loop.Schedule(&d.timer, drainStep, sh)
	}
}

// dueBy is how many of total sessions are to be closed when so much of the window has gone.
func dueBy(elapsed, window time.Duration, total int) int {
	return int(float64(total) * min(1, float64(elapsed)/float64(window))) // integers would overflow: a day, a million
}

// drain ends one session, however far it has come.
func (s *session) drain() {
	if s.lane.shard.drain.timeout == 0 && s.phase == talking {
		return
	}
	switch {
	case s.phase < greeting:
		s.turnAway(refusedDraining.Reason)
	case s.phase == greeting:
		s.refuse(refusedDraining)
	case s.phase == talking && s.ending() == nil:
		s.goAway(reasonDrain)
	}
}

// ended is called after every end of a session: the last one of a drain ends the drain.
func (sh *shard) ended() {
	if d := &sh.drain; d.active && !d.done && len(sh.sessions) == 0 {
		d.done = true
		sh.loop.Cancel(&d.timer)
		sh.gw.drained.Done()
	}
}
