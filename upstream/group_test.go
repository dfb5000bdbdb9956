package upstream_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"weir/upstream"
	"weir/upstream/health"
)

func specs(t testing.TB, all ...string) []upstream.Spec {
	t.Helper()
	var parsed []upstream.Spec
	for _, s := range all {
		spec, err := upstream.ParseSpec(s)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, spec)
	}
	return parsed
}

func group(t testing.TB, o upstream.Options, all ...string) *upstream.Group {
	t.Helper()
	g, err := upstream.NewGroup(specs(t, all...), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	g.Resolve()
	return g
}

// several are n literal backends.
func several(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("ws://10.0.%d.%d:9000", i/250, i%250)
	}
	return all
}

func key(i int) uint64 { return upstream.Hash(fmt.Append(nil, i)) }

// fell marks an endpoint down, as failed connects do.
func fell(e *upstream.Endpoint) {
	for range health.DefaultFall {
		e.ConnectFailed("refused")
	}
}

func TestEveryGatewayChoosesAlike(t *testing.T) {
	all := append(several(5), "ws://10.9.9.9:1#weight=4", "http://[::1]:9")
	one := group(t, upstream.Options{}, all...)
	slices.Reverse(all)
	other := group(t, upstream.Options{}, all...)
	for i := range 1000 {
		if a, b := pick(one, key(i), nil).Name, pick(other, key(i), nil).Name; a != b {
			t.Fatalf("key %d: %s and %s", i, a, b)
		}
	}
	if !slices.EqualFunc(one.Endpoints(), other.Endpoints(), func(a, b *upstream.Endpoint) bool { return a.Name == b.Name }) {
		t.Error("the members differ in order")
	}
}

func TestHashIsFixed(t *testing.T) {
	if got := upstream.Hash([]byte("10.0.0.1")); got != 0xed16cb68c786e3d7 {
		t.Errorf("%#x", got)
	}
}

func TestByID(t *testing.T) {
	g := group(t, upstream.Options{}, "ws://10.0.0.1:9000", "wss://10.0.0.1:9000", "unix:///run/app.sock")
	for _, e := range g.Endpoints() {
		fell(e)
		if g.ByID(e.ID()) != e || e.ID() != upstream.Hash([]byte(e.Name)) {
			t.Errorf("%s is not found as %#x", e.Name, e.ID())
		}
	}
	if e := g.ByID(0); e != nil {
		t.Errorf("0 stands for %s", e.Name)
	}
}

func TestTriedAreNotPickedAgain(t *testing.T) {
	g := group(t, upstream.Options{Balance: 1.25}, several(4)...)
	var tried []*upstream.Endpoint
	for range 4 {
		e := pick(g, 7, tried)
		if e == nil || slices.Contains(tried, e) {
			t.Fatalf("picked %v after %d", e, len(tried))
		}
		e.Acquire()
		tried = append(tried, e)
	}
	if e := pick(g, 7, tried); e != nil {
		t.Errorf("picked %s again", e.Name)
	}
}

func TestUnhealthyAreSkipped(t *testing.T) {
	g := group(t, upstream.Options{}, several(3)...)
	first := pick(g, 7, nil)
	fell(first)
	next := pick(g, 7, nil)
	if next == first || next != pick(g, 7, []*upstream.Endpoint{first}) {
		t.Errorf("picked %v, which is not the key's next", next)
	}
	if n := healthy(g); n != 2 {
		t.Errorf("%d healthy", n)
	}
	first.ConnectOK()
	if got := pick(g, 7, nil); got != first {
		t.Errorf("the key did not come back, it went to %s", got.Name)
	}
}

func TestPanicMode(t *testing.T) {
	for _, on := range []bool{true, false} {
		g := group(t, upstream.Options{Panic: on, Balance: 1.25}, several(3)...)
		first := pick(g, 7, nil)
		for _, e := range g.Endpoints() {
			fell(e)
		}
		got := pick(g, 7, nil)
		if on && got != first || !on && got != nil {
			t.Errorf("panic %v: picked %v", on, got)
		}
	}
}

// A healthy endpoint that was tried does not start a panic: those that are down stay unused.
func TestNoPanicWhileOneIsHealthy(t *testing.T) {
	g := group(t, upstream.Options{Panic: true}, several(2)...)
	down, well := g.Endpoints()[0], g.Endpoints()[1]
	fell(down)
	if e := pick(g, 7, []*upstream.Endpoint{well}); e != nil {
		t.Errorf("picked %s", e.Name)
	}
}

func TestLoadsAreBounded(t *testing.T) {
	g := group(t, upstream.Options{Balance: 1.25}, several(4)...)
	for total := range 400 {
		e := pick(g, 7, nil)
		e.Acquire()
		if bound := int64(math.Ceil(1.25 * float64(total+1) / 4)); e.Active() > bound {
			t.Fatalf("%d of %d sessions on one endpoint", e.Active(), total+1)
		}
	}
	for _, e := range g.Endpoints() {
		for e.Active() > 0 {
			e.Release()
		}
	}
	if e, again := pick(g, 7, nil), pick(g, 7, nil); e != again {
		t.Error("nothing was acquired, yet the choice changed")
	}
}

func TestNewGroupRefuses(t *testing.T) {
	one := specs(t, "ws://10.0.0.1:1")
	tests := []struct {
		specs   []upstream.Spec
		options upstream.Options
		want    string
	}{
		{nil, upstream.Options{}, "no upstream"},
		{[]upstream.Spec{{Scheme: "ws", Host: "10.0.0.1", Port: 1}}, upstream.Options{}, "weight"},
		{specs(t, "ws://10.0.0.1:1", "http://10.0.0.1:1#weight=2"), upstream.Options{}, "given twice"},
		{specs(t, "unix:///a", "unix:///a#proxy-protocol=v1"), upstream.Options{}, "given twice"},
		{one, upstream.Options{Balance: 0.5}, "balance factor"},
		{one, upstream.Options{Balance: math.NaN()}, "balance factor"},
		{one, upstream.Options{Balance: math.Inf(1)}, "balance factor"},
		{specs(t, "ws://10.0.0.1:1#id=a", "ws://10.0.0.2:1#id=a"), upstream.Options{}, "id a is that of another backend"},
		{one, upstream.Options{DNSInterval: -1}, "DNS interval"},
		{one, upstream.Options{EmptyHold: -1}, "hold of empty answers"},
		{one, upstream.Options{Health: health.Options{Path: "x"}}, "health path"},
	}
	for _, tt := range tests {
		if _, err := upstream.NewGroup(tt.specs, tt.options); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	g := group(t, upstream.Options{Balance: 1.25, Panic: true}, several(3)...)
	tried := g.Endpoints()[:1]
	if n := testing.AllocsPerRun(1000, func() { pick(g, 7, tried) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Loops pick while endpoints fall, rise and are counted on and off.
func TestConcurrentUse(t *testing.T) {
	g := group(t, upstream.Options{Balance: 1.25, Panic: true}, several(5)...)
	g.Start()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			e := g.Endpoints()[i%5]
			fell(e)
			e.State()
			e.Stats()
			e.ConnectOK()
		}
	}()
	for i := range 20_000 {
		e := pick(g, key(i), nil)
		if e == nil {
			t.Error("picked none")
			break
		}
		e.Acquire()
		e.Release()
	}
	cancel()
	<-done
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{3, 100, 1000} {
		b.Run(fmt.Sprintf("endpoints=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			g := group(b, upstream.Options{Balance: 1.25, Panic: true}, several(n)...)
			key := uint64(0)
			for b.Loop() {
				key += 0x9e3779b97f4a7c15
				pick(g, key, nil).Acquire()
			}
		})
	}
}

func pick(g *upstream.Group, key uint64, tried []*upstream.Endpoint) *upstream.Endpoint {
	e, _ := g.Pick(key, tried)
	return e
}

// healthy counts the members that may be chosen without panic.
func healthy(g *upstream.Group) (n int) {
	for _, e := range g.Endpoints() {
		if e.Healthy() {
			n++
		}
	}
	return n
}
