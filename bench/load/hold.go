//go:build linux

package load

import (
	"context"
	"errors"
	"time"

	"weir/bench/proc"
	"weir/bench/wire"
)

var errPong = errors.New("no pong came before the next ping")

// hold keeps this loop's clients idle. Their pings, one of each in every interval, are spread over it.
func (w *worker) hold(ctx context.Context, until int64, every time.Duration) error {
	w.enter(hooks{})
	before, _ := proc.ReadThread()
	began := now()
	defer func() { w.busyness(before, time.Duration(now()-began)) }()
	gap := float64(every) / float64(max(len(w.conns), 1))
	for pings := 0; now() < until; {
		if w.live == 0 {
			return errAllLost
		}
		next := until
		if every > 0 {
			for next = began + int64(float64(pings)*gap); next <= now(); next = began + int64(float64(pings)*gap) {
				w.conns[pings%len(w.conns)].ping()
				pings++
			}
		}
		if err := w.turn(ctx, min(next, until)); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) ping() {
	if c.state != open {
		return
	}
	if c.pinged {
		c.w.fault(FaultPong, errPong)
	}
	c.pinged = true
	c.say(wire.Ping, nil)
}
