//go:build linux

package bench

import (
	"fmt"
	"io"
	"os"
	"time"

	"weir/bench/load"
)

// progress tells how far a comparison is: on a terminal by one line that is written over, and lines of
// what went wrong; elsewhere by a line for each cell.
type progress struct {
	out      io.Writer
	terminal bool
	began    time.Time

	cells, done int
	cost, spent time.Duration // of all cells, and of those done, as Scenario.cost has it
}

func newProgress(out io.Writer, jobs []job) *progress {
	p := &progress{out: out, began: time.Now(), cells: len(jobs)}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	for _, j := range jobs {
		p.cost += j.scenario.cost()
	}
	return p
}

// start shows what is about to be measured.
func (p *progress) start(j job) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s, %s %s", p.clock(time.Since(p.began)), j.scenario.Name, j.peer.Name)
	}
}

// end counts a cell; on a terminal only failures stay to be read.
func (p *progress) end(j job, c *Cell) {
	p.done++
	p.spent += j.scenario.cost()
	line := c.line(j)
	switch {
	case !p.terminal:
		fmt.Fprintf(p.out, "%s: %s\n", p.clock(time.Since(p.began)), line)
	case c.Err != "":
		p.note(line)
	}
}

// note writes a line that stays.
func (p *progress) note(line string) {
	if p.terminal {
		line = "\r\x1b[K" + line
	}
	fmt.Fprintln(p.out, line)
}

// finish clears the line that was written over.
func (p *progress) finish() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// clock is what of how many, the time gone, and what may be left by the pace so far.
func (p *progress) clock(gone time.Duration) string {
	s := fmt.Sprintf("%*d/%d %s", len(fmt.Sprint(p.cells)), p.done, p.cells, gone.Round(time.Second))
	if p.spent > 0 && p.done < p.cells {
		left := float64(gone) * float64(p.cost-p.spent) / float64(p.spent)
		s += fmt.Sprintf(", about %s left", time.Duration(left).Round(time.Second))
	}
	return s
}

// cost is roughly how long a cell of s takes; only its relation to others' matters.
func (s *Scenario) cost() time.Duration {
	window := s.Warmup + max(s.Seconds, s.Least)
	ramp := s.Ramp
	if ramp <= 0 {
		ramp = load.DefaultRamp
	}
	switch s.Kind {
	case KindStorm, KindHTTP:
		return startUp + window
	case KindChurn:
		return startUp + window + max(s.Warmup, s.Settle)
	case KindSlow:
		window = 3*window - s.Warmup // the first time warms up for as long as a window more
	case KindIdle:
		window = max(s.Warmup, s.Settle) + s.Seconds
	}
	return startUp + window + time.Duration(s.Conns)*time.Second/time.Duration(ramp)
}

const startUp = 200 * time.Millisecond // and the end, of the two processes
