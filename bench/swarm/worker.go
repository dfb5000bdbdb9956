//go:build linux

package swarm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/bench/epoll"
	"weir/bench/load"
	"weir/bench/proc"
)

// worker is one load process. Owned by the loop.
type worker struct {
	loop    *epoll.Loop
	reports *json.Encoder
	files   uint64 // limit of open files
	in, out []byte

	target  Open
	from    epoll.Sources
	request []byte
	accept  string
	clients []client // of the only open; they never move, since the loop points at them
	pending int      // handshakes under way
	live    int
	leaving int
	failed  int // handshakes in a row
	settled int // handshakes that ended
	unsent  map[*client][]byte
	phase   phase // of the command under way; nil: none

	tallies
	latency *hdrhistogram.Histogram
}

// phase is a command under way.
type phase interface {
	// step does what is due. It says when it wants to be called again, or that the command is done.
	step(w *worker, at int64) (next int64, done bool, err error)
}

const (
	readBuffer    = 64 << 10
	progressEvery = int64(500 * time.Millisecond)
	maxLine       = 4 << 20 // of a command or a report
)

// Serve is a load process: it obeys the commands on in and reports on out until in or ctx ends.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	files, err := proc.RaiseFileLimit()
	if err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	loop, err := epoll.New()
	if err != nil {
		return err
	}
	defer loop.Free()
	loop.Alone()
	debug.SetGCPercent(25) // of many processes, each keeps its garbage
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer epoll.PreciseTimers()()
	w := &worker{loop: loop, reports: json.NewEncoder(out), files: files, in: make([]byte, readBuffer), unsent: map[*client][]byte{}}
	w.reset()
	commands := make(chan command, 1)
	go w.listen(in, commands)
	defer context.AfterFunc(ctx, loop.Wake)()
	return w.run(ctx, commands)
}

// listen passes the commands on to the loop, and closes the channel at their end. Its reading blocks, so it
// may outlive Serve.
func (w *worker) listen(in io.Reader, commands chan<- command) {
	defer w.loop.Wake()
	defer close(commands)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var c command
		if json.Unmarshal(lines.Bytes(), &c) != nil {
			return
		}
		commands <- c
		w.loop.Wake()
	}
}

func (w *worker) run(ctx context.Context, commands <-chan command) error {
	for next := int64(0); ctx.Err() == nil; {
		select {
		case c, ok := <-commands:
			if !ok {
				return nil
			}
			if err := w.obey(c); err != nil {
				return err
			}
		default:
		}
		at := now()
		wait := at + progressEvery
		if w.phase != nil {
			soon, done, err := w.phase.step(w, at)
			wait = min(wait, soon)
			if done {
				w.phase = nil
				err = w.report(err)
			} else if at >= next {
				next = at + progressEvery
				err = w.reports.Encode(report{Progress: true, Live: w.live})
			}
			if err != nil {
				return err
			}
		}
		if err := w.loop.Wait(time.Duration(max(wait-now(), 0))); err != nil {
			return err
		}
	}
	return nil
}

// obey begins a command; one that cannot be is answered at once.
func (w *worker) obey(c command) (err error) {
	if w.phase, err = w.begin(c, now()); err != nil {
		return w.report(err)
	}
	return nil
}

func (w *worker) begin(c command, at int64) (phase, error) {
	switch {
	case c.Open != nil:
		return w.open(*c.Open, c.From, at)
	case c.Hold != nil:
		before, _ := proc.ReadThread()
		return &holding{until: at + int64(*c.Hold), before: before, began: at}, nil
	case c.Talk != nil:
		return w.talk(*c.Talk, at)
	case c.Await != nil:
		return &awaiting{until: at + int64(*c.Await)}, nil
	}
	return nil, errors.New("a command that asks for nothing")
}

// report ends a command.
func (w *worker) report(fault error) error {
	r := report{Live: w.live, tallies: w.tallies}
	if fault != nil {
		r.Error = fault.Error()
	}
	if w.latency != nil {
		b, err := w.latency.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			return err
		}
		r.Latency = b
	}
	w.reset()
	return w.reports.Encode(r)
}

// account notes how the loop's thread fared since it was seen before.
func (w *worker) account(before proc.Thread, began, at int64) {
	if after, err := proc.ReadThread(); err == nil {
		w.Busy, w.Starved = after.Share(before, time.Duration(at-began))
	}
}

func (w *worker) reset() {
	w.tallies = tallies{Closed: map[int]int{}, Faults: map[load.Fault]int{}}
	w.latency = nil
}

// now is a monotonic clock in nanoseconds.
func now() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now()
