package netpoll

import "time"

// alarm wakes the loop when a deadline is due. The poller takes no timeout, so a timer of the runtime posts a
// task; it runs only while some deadline is set, and an idle loop uses no CPU.
type alarm struct {
	timer *time.Timer
	at    int64 // the tick that the timer is set to; 0: not set
}

// need makes sure that the loop wakes at tick or before; 0 asks for nothing.
func (a *alarm) need(l *Loop, at int64) {
	if at == 0 || a.at != 0 && a.at <= at {
		return
	}
	a.at = at
	wait := time.Duration(at)*tick - time.Since(l.epoch)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, func() { _ = l.Post(l.ring) })
	} else {
		a.timer.Reset(wait)
	}
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// ringTime is how long a loop that is late for many ticks goes on with them before connections have their turn.
const ringTime = 500 * time.Microsecond

// ring is the alarm's task.
func (l *Loop) ring() {
	l.alarm.at = 1 // deadlines set by what fires now need no alarm of their own
	for end := time.Now().Add(ringTime); l.wheel.advance(int64(l.now/tick)) && time.Now().Before(end); {
	}
	l.alarm.at = 0
	l.alarm.need(l, l.wheel.next())
}
