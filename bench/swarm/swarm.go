//go:build linux

package swarm

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/bench/epoll"
	"weir/bench/load"
)

// MaxProcesses is how many a swarm may have: each has a range of loopback addresses of its own.
const MaxProcesses = 250

// Swarm is a crowd in many processes. Once the context of a call has ended, nothing is left but to Stop it.
type Swarm struct {
	processes []*process
}

// Tally is what all processes counted since the last one.
type Tally struct {
	Live int
	tallies
	Latency *hdrhistogram.Histogram // nanoseconds; nil but after a talk
}

// Start starts n processes that each run Serve when called with argv.
func Start(argv []string, n int) (*Swarm, error) {
	if n < 1 || n > MaxProcesses {
		return nil, fmt.Errorf("%d load processes: from 1 to %d are possible", n, MaxProcesses)
	}
	s := &Swarm{}
	for i := range n {
		p, err := startProcess(i+1, argv)
		if err != nil {
			s.Stop()
			return nil, err
		}
		s.processes = append(s.processes, p)
	}
	return s, nil
}

// Live is how many connections were open half a second ago. Any goroutine may ask.
func (s *Swarm) Live() int {
	n := 0
	for _, p := range s.processes {
		n += int(p.live.Load())
	}
	return n
}

// Pids are the processes'.
func (s *Swarm) Pids() []int {
	var pids []int
	for _, p := range s.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

// Open opens the connections, once in a swarm's life. To loopback, each process connects from addresses of its own,
// so that ports suffice. The error tells of processes that could not go on; single failures are in the Tally.
func (s *Swarm) Open(ctx context.Context, o Open) (Tally, error) {
	n := len(s.processes)
	if o.Conns < n {
		return Tally{}, fmt.Errorf("%d connections are fewer than the %d load processes", o.Conns, n)
	}
	commands := make([]command, n)
	for i := range commands {
		one := o
		one.Conns = part(o.Conns, i, n)
		one.Rate, one.Pending = o.Rate/float64(n), max(o.Pending/n, 1)
		from, err := epoll.SourcesFor(i, one.Conns, o.Addr.Addr())
		if err != nil {
			return Tally{}, err
		}
		commands[i] = command{Open: &one, From: from}
	}
	return s.each(ctx, func(i int) command { return commands[i] })
}

// Hold keeps the clients idle; they answer pings. It fails as soon as a process has lost all of its own.
func (s *Swarm) Hold(ctx context.Context, d time.Duration) (Tally, error) {
	return s.each(ctx, func(int) command { return command{Hold: &d} })
}

// Talk has clients talk, spread over the processes. Begin and End, if not nil, are called at the window's edges, on
// a goroutine of their own.
func (s *Swarm) Talk(ctx context.Context, t Talk, begin, end func()) (Tally, error) {
	const lead = 200 * time.Millisecond // for all processes to hear of it
	t.At = time.Now().Add(lead).UnixNano()
	ctx, cancel := context.WithCancel(ctx)
	edges := make(chan struct{})
	go func() {
		defer close(edges)
		if sleep(ctx, lead+t.Warmup) && begin != nil {
			begin()
		}
		if sleep(ctx, t.Duration) && end != nil {
			end()
		}
	}()
	tally, err := s.each(ctx, func(i int) command {
		one := t
		one.Active = part(t.Active, i, len(s.processes))
		return command{Talk: &one}
	})
	if err != nil {
		cancel()
	}
	<-edges
	cancel()
	return tally, err
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// Await waits until the other side has closed every connection; it is an error if some still stand after so long.
func (s *Swarm) Await(ctx context.Context, within time.Duration) (Tally, error) {
	return s.each(ctx, func(int) command { return command{Await: &within} })
}

// Stop ends the processes, whatever they do, and waits for that.
func (s *Swarm) Stop() {
	for _, p := range s.processes {
		p.stop()
	}
}

// each has every process obey a command, and adds up what they counted.
func (s *Swarm) each(ctx context.Context, of func(i int) command) (Tally, error) {
	tallies, errs := make([]Tally, len(s.processes)), make([]error, len(s.processes))
	done := make(chan struct{})
	for i, p := range s.processes {
		go func() {
			tallies[i], errs[i] = p.do(ctx, of(i))
			done <- struct{}{}
		}()
	}
	for range s.processes {
		<-done
	}
	sum := Tally{}
	sum.Closed, sum.Faults = map[int]int{}, map[load.Fault]int{}
	for i := range tallies {
		sum.Live += tallies[i].Live
		sum.Add(&tallies[i])
	}
	return sum, brief(errs)
}

// brief is the first error, and how many more there are.
func brief(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return fmt.Errorf("%w (and %d other processes)", errs[0], len(errs)-1)
}

// Add adds what another tally counted, but for the connections that are open.
func (t *Tally) Add(o *Tally) {
	t.Ops += o.Ops
	t.Pings += o.Pings
	for code, n := range o.Closed {
		t.Closed[code] += n
	}
	for kind, n := range o.Faults {
		t.Faults[kind] += n
	}
	if t.First == "" {
		t.First = o.First
	}
	t.Busy, t.Starved = max(t.Busy, o.Busy), max(t.Starved, o.Starved)
	switch {
	case t.Latency == nil:
		t.Latency = o.Latency
	case o.Latency != nil:
		t.Latency.Merge(o.Latency)
	}
}

// Err sums the faults up in one line, or is nil.
func (t *Tally) Err() error { return (&load.Result{Faults: t.Faults, First: t.First}).Err() }

// part is the i-th of n nearly equal parts of total.
func part(total, i, n int) int { return total*(i+1)/n - total*i/n }
