//go:build linux

package swarm

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"weir/bench/epoll"
	"weir/bench/load"
	"weir/bench/proc"
)

const (
	spareFiles  = 64 // of a process: its loop, its pipes, Go's own
	maxRefusals = 20 // failures without a success between them, after which no more is dialled
)

var (
	errAllLost  = errors.New("every connection was lost")
	errOpened   = errors.New("a swarm opens once")
	errStanding = errors.New("connections were still open when the wait was over")
)

// opening dials at a rate, and ends when every handshake has.
type opening struct {
	began   int64
	heard   int64 // when a handshake last ended
	settled int
	dialled int
}

func (w *worker) open(o Open, from epoll.Sources, at int64) (phase, error) {
	if w.clients != nil {
		return nil, errOpened
	}
	if need := uint64(o.Conns) + spareFiles; need > w.files {
		return nil, fmt.Errorf("%d connections need %d descriptors, the limit of open files is %d (ulimit -Hn): use more processes", o.Conns, need, w.files)
	}
	w.target, w.from, w.clients = o, from, make([]client, o.Conns)
	w.introduce(o.Target)
	return &opening{began: at, heard: at}, nil
}

func (p *opening) step(w *worker, at int64) (_ int64, done bool, err error) {
	next, due := p.due(w, at)
	for p.dialled < due && w.pending < w.target.Pending && w.failed < maxRefusals {
		if w.pending == 0 {
			p.heard = at
		}
		w.dial(p.dialled)
		p.dialled++
	}
	if w.settled != p.settled {
		p.settled, p.heard = w.settled, at
	} else if w.pending > 0 && at-p.heard > int64(w.target.Within) {
		w.expire()
	}
	stopped := p.dialled == len(w.clients) || w.failed >= maxRefusals
	if stopped && w.pending == 0 {
		debug.FreeOSMemory() // what the handshakes left
		if w.live == 0 {
			return 0, true, errors.New("no connection could be opened")
		}
		return 0, true, nil
	}
	return next, false, nil
}

// due is how many clients should have been dialled by now, and when the next one should be.
func (p *opening) due(w *worker, at int64) (next int64, n int) {
	n = len(w.clients)
	if w.target.Rate > 0 {
		gap := float64(time.Second) / w.target.Rate
		if passed := float64(at-p.began) / gap; passed < float64(n-1) {
			n = 1 + int(passed)
			return p.began + int64(float64(n)*gap) + 1, n
		}
	}
	return at + progressEvery, n
}

// expire gives up the handshakes under way.
func (w *worker) expire() {
	for i := range w.clients {
		if c := &w.clients[i]; c.state == connecting || c.state == upgrading {
			w.refuse(c, load.FaultTimeout, fmt.Errorf("no answer within %s", w.target.Within))
		}
	}
}

// holding keeps the clients idle.
type holding struct {
	until  int64
	before proc.Thread
	began  int64
}

func (p *holding) step(w *worker, at int64) (next int64, done bool, err error) {
	if w.live == 0 {
		err = errAllLost
	}
	if err == nil && at < p.until {
		return p.until, false, nil
	}
	w.account(p.before, p.began, at)
	return p.until, true, err
}

// awaiting waits for the other side to close them all.
type awaiting struct{ until int64 }

func (p *awaiting) step(w *worker, at int64) (next int64, done bool, err error) {
	left := w.live + w.leaving
	if left > 0 && at >= p.until {
		err = fmt.Errorf("%w: %d", errStanding, left)
	}
	return p.until, left == 0 || err != nil, err
}
