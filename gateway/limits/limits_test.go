package limits_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/gateway/limits"
)

const patience = 15 * time.Second

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// TestCount bounds all and each address, of IPv6 by its prefix, and has room again for each that leaves.
func TestCount(t *testing.T) {
	c := limits.NewCount(4, 2, 64)
	for i, step := range []struct {
		from string
		want limits.Answer
	}{
		{"10.0.0.1", limits.InByAddress}, {"::ffff:10.0.0.1", limits.InByAddress}, {"10.0.0.1", limits.AddressFull},
		{"2001:db8::1", limits.InByAddress}, {"2001:db8::2", limits.InByAddress}, {"2001:db8::3", limits.Full}, {"10.0.0.2", limits.Full},
	} {
		if got := c.Enter(ip(step.from)); got != step.want {
			t.Errorf("%d: %s: got %d, want %d", i, step.from, got, step.want)
		}
	}
	c.Leave(ip("10.0.0.1"))
	for _, from := range []netip.Addr{ip("2001:db8::9"), {}} {
		want := limits.AddressFull
		if !from.IsValid() {
			want = limits.In
		}
		if got := c.Enter(from); got != want {
			t.Errorf("%v: got %d, want %d", from, got, want)
		}
	}
	c.Leave(netip.Addr{})
	if got := c.Enter(ip("10.0.0.1")); got != limits.InByAddress || c.Len() != 4 || c.Max() != 4 {
		t.Errorf("got %d, %d of %d in", got, c.Len(), c.Max())
	}
}

// TestCountOfChangedBounds: who was counted by the address is taken off it, and nobody else is, whatever the bounds are by then.
func TestCountOfChangedBounds(t *testing.T) {
	c, one := limits.NewCount(9, 1, 64), ip("10.0.0.1")
	enter := func(want limits.Answer) {
		t.Helper()
		if got := c.Enter(one); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	}
	enter(limits.InByAddress)
	c.Set(9, 0)
	c.Leave(one)
	enter(limits.In)
	c.Set(9, 1)
	enter(limits.InByAddress)
	c.Leave(netip.Addr{}) // the one that came while addresses were not bounded
	enter(limits.AddressFull)
	c.Leave(one)
	enter(limits.InByAddress)
	if c.Len() != 1 {
		t.Errorf("%d are in", c.Len())
	}
}

// TestShares leave room for one more address, however many each of the others wants.
func TestShares(t *testing.T) {
	s := limits.NewShares(100, 64)
	take := func(from string) (n int) {
		for s.Enter(ip(from)) {
			n++
		}
		return n
	}
	if n := take("10.0.0.1"); n != 50 {
		t.Errorf("the first got %d", n)
	}
	if n := take("10.0.0.2"); n != 25 {
		t.Errorf("the second got %d", n)
	}
	if n := take("10.0.0.3"); n == 0 {
		t.Error("the third got none")
	}
	for range 50 {
		s.Leave(ip("10.0.0.1"))
	}
	if n := take("10.0.0.4"); n < 20 {
		t.Errorf("the fourth got %d", n)
	}
}

// asked are turns in the order in which they were given.
type asked struct {
	turns *limits.Turns
	order []string
}

func (a *asked) queue(name, from string) func() bool {
	var addr netip.Addr
	if from != "" {
		addr = ip(from)
	}
	return a.turns.Queue(addr, func() { a.order = append(a.order, name) })
}

// TestTurnsGoRound: each address has its turn, within an address first come first served, and who has none every second.
func TestTurnsGoRound(t *testing.T) {
	a := asked{turns: limits.NewTurns(1, 64)}
	a.queue("one", "10.0.0.9")
	for _, name := range []string{"a1", "a2", "a3", "a4"} {
		a.queue(name, "10.0.0.1")
	}
	a.queue("b1", "2001:db8::1")
	a.queue("b2", "2001:db8::2")
	left := a.queue("gone", "10.0.0.3")
	a.queue("c1", "10.0.0.4")
	for _, name := range []string{"x1", "x2"} {
		a.queue(name, "")
	}
	if !left() || left() {
		t.Error("it left once")
	}
	if a.turns.Waiting() != 9 {
		t.Errorf("%d wait", a.turns.Waiting())
	}
	for range 10 {
		a.turns.Done()
	}
	want := []string{"one", "x1", "a1", "x2", "b1", "c1", "a2", "b2", "a3", "a4"}
	if !slices.Equal(a.order, want) {
		t.Errorf("got %q, want %q", a.order, want)
	}
	if a.turns.Taken() != 0 || a.turns.Waiting() != 0 {
		t.Errorf("%d are taken, %d wait", a.turns.Taken(), a.turns.Waiting())
	}
}

// TestNextWithinATurn: an address that begins to wait is next once each of the others has had one turn, however many wait there.
func TestNextWithinATurn(t *testing.T) {
	a := asked{turns: limits.NewTurns(2, 64)}
	for range 1000 {
		a.queue("flood", "10.0.0.1")
		a.queue("flood", "10.0.0.2")
	}
	a.queue("new", "10.0.0.3")
	before := len(a.order)
	for range 3 {
		a.turns.Done()
	}
	if i := slices.Index(a.order, "new"); i < 0 {
		t.Errorf("not among the next %d", len(a.order)-before)
	}
}

// TestTurnsAreBounded has many wait at once: never more compute than may, some give up, and all turns are given back.
func TestTurnsAreBounded(t *testing.T) {
	turns := limits.NewTurns(3, 64)
	var now, most, had atomic.Int64
	var all sync.WaitGroup
	for i := range 300 {
		from := netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 7)})
		wait := turns.Wait
		if i%3 == 0 {
			wait = turns.WaitLast
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if i%5 == 0 {
			ctx, cancel = context.WithTimeout(t.Context(), time.Duration(i)*10*time.Microsecond)
		}
		all.Go(func() {
			defer cancel()
			if !wait(ctx, from) {
				return
			}
			had.Add(1)
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(100 * time.Microsecond)
			now.Add(-1)
			turns.Done()
		})
	}
	all.Wait()
	if most.Load() > 3 || had.Load() < 240 {
		t.Errorf("%d at once, %d had a turn", most.Load(), had.Load())
	}
	if turns.Taken() != 0 || turns.Waiting() != 0 {
		t.Errorf("%d are taken, %d wait", turns.Taken(), turns.Waiting())
	}
}

// TestLastGoLast, and go when nobody else waits.
func TestLastGoLast(t *testing.T) {
	turns := limits.NewTurns(1, 64)
	turns.Queue(netip.Addr{}, func() {})
	order := make(chan string, 3)
	var all sync.WaitGroup
	begin := func(name string, wait func(context.Context, netip.Addr) bool) {
		n := turns.Waiting()
		all.Go(func() {
			if wait(t.Context(), ip("10.0.0.1")) {
				order <- name
				turns.Done()
			}
		})
		for turns.Waiting() == n {
			time.Sleep(time.Millisecond)
		}
	}
	begin("last", turns.WaitLast)
	begin("first", turns.Wait)
	begin("second", turns.Wait)
	turns.Done()
	all.Wait()
	close(order)
	var got []string
	for name := range order {
		got = append(got, name)
	}
	if want := []string{"first", "second", "last"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
