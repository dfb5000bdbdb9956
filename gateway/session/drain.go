package session

import (
	"time"

	"weir/gateway/reasons"
	"weir/netpoll"
)

// drain is how a loop winds down: no new clients, and the sessions closed at a steady pace, so that those who
// reconnect elsewhere do not all come at once.
type drain struct {
	timer    netpoll.Timer
	timeout  time.Duration // over which sessions are closed; 0: they last as long as they like
	deadline time.Duration
	answer   time.Duration // that clients have to answer at the end
	pace     pace
	due      []*session // those there when it began; only what is left of them to close counts
	active   bool
	done     bool
}

// drainStep is how often the next sessions are closed.
const drainStep = 20 * time.Millisecond

// BeginDrain runs on the loop. One that has no timeout goes on with one when it begins again.
func (sh *Shard) BeginDrain(timeout time.Duration) {
	d := &sh.drain
	if d.done {
		return
	}
	for _, d := range sh.Listeners {
		d.Socket.Close()
	}
	sh.Listeners = nil
	d.active, d.timeout = true, timeout
	if timeout == 0 {
		sh.ended()
		return
	}
	// The close timeout at the end, or half of the time if that is less, is for clients to answer.
	now := sh.Loop.Now()
	d.answer = min(sh.plan.Config.CloseTimeout, timeout-timeout/2)
	d.deadline, d.pace = now+timeout, pace{end: now + timeout - d.answer}
	d.due = append(d.due[:0], sh.sessions...)
	sh.OnTimer(nil)
}

// OnTimer takes the next step of the drain. Clients that have not asked for anything yet are told when they do, or at the end.
// Those that are told late, by a loop that the machine had no time for, have as long to answer as all others.
func (sh *Shard) OnTimer(*netpoll.Timer) {
	d, now := &sh.drain, sh.Loop.Now()
	for n := d.pace.take(sh.talking-sh.endings, now, drainStep); n > 0 && len(d.due) > 0; d.due = d.due[1:] {
		if s := d.due[0]; s.stands() {
			s.goAway(reasons.Drain)
			d.deadline = max(d.deadline, now+d.answer)
			n--
		}
	}
	if now >= d.deadline {
		for len(sh.sessions) > 0 {
			s := sh.sessions[len(sh.sessions)-1]
			if s.isSilent() {
				s.appear()
			}
			if s.phase < greeting {
				s.turnAway(reasons.RefusedDraining.Reason)
				continue
			}
			if s.phase <= asking {
				s.refuse(reasons.RefusedDraining)
			}
			s.begin(reasons.Drain, 0)
			s.cut()
		}
	}
	sh.ended()
	if !d.done {
		sh.Loop.Schedule(&d.timer, drainStep, sh)
	}
}

// drain ends one session, however far it has come.
func (s *session) drain() {
	if s.lane.shard.drain.timeout == 0 && s.phase == talking {
		return
	}
	if s.isSilent() {
		s.appear()
	}
	switch {
	case s.phase < greeting:
		s.turnAway(reasons.RefusedDraining.Reason)
	case s.phase == greeting:
		s.refuse(reasons.RefusedDraining)
	case s.stands():
		s.goAway(reasons.Drain)
	}
}

// ended is called after every end of a session: the last one of a drain ends the drain.
func (sh *Shard) ended() {
	if d := &sh.drain; d.active && !d.done && len(sh.sessions) == 0 {
		d.done = true
		sh.Loop.Cancel(&d.timer)
		sh.proc.Drained.Done()
	}
}
