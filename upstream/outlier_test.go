package upstream

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// ward is a group of as many endpoints that judges by the rules of a default configuration.
func ward(t *testing.T, n int) []*Endpoint {
	t.Helper()
	var specs []Spec
	for i := range n {
		specs = append(specs, Spec{Scheme: "ws", Host: fmt.Sprintf("10.0.0.%d", i+1), Port: 80, Weight: 1})
	}
	g, err := NewGroup(specs, Options{Outlier: Outlier{Ratio: .5, Min: 5, Window: 30 * time.Second, Early: 5 * time.Second, Eject: 30 * time.Second, Max: .3}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g.Endpoints()
}

func clientOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}) }

// fail has as many clients fail.
func fail(e *Endpoint, from, n int) {
	for i := range n {
		e.HandshakeFailed(clientOf(from+i), "status 500")
	}
}

func TestOutlierIsTakenOut(t *testing.T) {
	for name, c := range map[string]struct {
		do  func(e *Endpoint)
		out bool
	}{
		"too few":                    {func(e *Endpoint) { fail(e, 0, 4) }, false},
		"enough":                     {func(e *Endpoint) { fail(e, 0, 5) }, true},
		"half of them":               {func(e *Endpoint) { ok(e, 5); fail(e, 0, 5) }, false},
		"more than half":             {func(e *Endpoint) { ok(e, 4); fail(e, 0, 5) }, true},
		"one client again and again": {func(e *Endpoint) { fail(e, 7, 1); fail(e, 7, 1); fail(e, 7, 1); fail(e, 7, 1); fail(e, 7, 1) }, false},
		"long ago":                   {func(e *Endpoint) { fail(e, 0, 4); time.Sleep(31 * time.Second); fail(e, 4, 4) }, false},
		"good ones long ago":         {func(e *Endpoint) { ok(e, 50); time.Sleep(31 * time.Second); fail(e, 0, 5) }, true},
		"three without an answer":    {func(e *Endpoint) { silent(e, 3) }, true},
		"with an answer between":     {func(e *Endpoint) { silent(e, 2); ok(e, 1); silent(e, 2) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := ward(t, 3)[1]
				c.do(e)
				if e.Down(CauseOutlier) != c.out || e.Healthy() == c.out {
					t.Errorf("causes %v", e.Causes())
				}
			})
		})
	}
}

func ok(e *Endpoint, n int) {
	for range n {
		e.HandshakeOK()
	}
}

func silent(e *Endpoint, n int) {
	for range n {
		e.HandshakeSilent(clientOf(1))
	}
}

// TestOutlierIsOutTwiceAsLongEachTime, and half as long for each such time that it was good.
func TestOutlierIsOutTwiceAsLongEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := ward(t, 3)[0]
		out := func() time.Duration {
			silent(e, 3)
			began := time.Now()
			for e.Down(CauseOutlier) {
				time.Sleep(time.Second)
			}
			return time.Since(began)
		}
		for i, want := range []time.Duration{30, 60, 120, 240, 480, 600, 600} {
			if got := out() / time.Second; got < want || got > want+1 {
				t.Fatalf("the %d. time it was out for %d s, want %d", i+1, got, want)
			}
		}
		time.Sleep(15 * time.Minute) // 10 and 5
		if got := out(); got < 300*time.Second || got > 301*time.Second {
			t.Errorf("after a quarter of an hour it was out for %v, want 5m", got)
		}
		time.Sleep(time.Hour)
		if got := out(); got < 30*time.Second || got > 31*time.Second {
			t.Errorf("after an hour it was out for %v, want 30s", got)
		}
	})
}

// TestCheckReadmits an endpoint that could not be connected to for a while, and no other.
func TestCheckReadmits(t *testing.T) {
	for reason, back := range map[string]bool{"connect: refused": true, "handshake: status 500": false} {
		synctest.Test(t, func(t *testing.T) {
			e := ward(t, 3)[0]
			for i := range 5 {
				e.HandshakeFailed(clientOf(i), reason)
			}
			if !e.Down(CauseOutlier) {
				t.Fatal("it is not out")
			}
			e.check(nil)
			if e.Down(CauseOutlier) == back {
				t.Errorf("%s: after a good check it is out: %v", reason, !back)
			}
			time.Sleep(31 * time.Second)
			if !e.Healthy() {
				t.Errorf("%s: it did not come back", reason)
			}
		})
	}
}

func TestOutliersLeaveEnough(t *testing.T) {
	for n, most := range map[int]int{1: 0, 2: 1, 3: 1, 5: 1, 10: 3, 20: 6} {
		all := ward(t, n)
		out := 0
		for _, e := range all {
			if fail(e, 0, 20); e.Down(CauseOutlier) {
				out++
			}
		}
		if out != most {
			t.Errorf("%d of %d are out, want %d", out, n, most)
		}
	}
	all := ward(t, 3)
	for _, e := range all[:2] {
		for range 3 {
			e.ConnectFailed("refused")
		}
	}
	fail(all[2], 0, 20)
	if all[2].Down(CauseOutlier) {
		t.Error("the last one that is up was taken out")
	}
}

// TestHandshakesDoNotAllocate, and an outlier is found without.
func TestHandshakesDoNotAllocate(t *testing.T) {
	e := ward(t, 3)[0]
	if n := testing.AllocsPerRun(1000, e.HandshakeOK); n != 0 {
		t.Errorf("%v allocations for a good handshake", n)
	}
}

// TestRetryBudget: a fifth of the handshakes of the last ten seconds may be tried again, but always ten a second.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := 0
		g, err := NewGroup([]Spec{{Scheme: "ws", Host: "10.0.0.1", Port: 80, Weight: 1}}, Options{OnRetryDenied: func() { denied++ }})
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		granted := func() (n int) {
			for g.MayRetry() {
				n++
			}
			return n
		}
		time.Sleep(10*time.Second - time.Duration(time.Now().UnixNano()%int64(10*time.Second))) // to the begin of a span
		if got := granted(); got != 100 || denied != 1 {
			t.Errorf("%d granted without any handshake, %d denied; want 100 and 1", got, denied)
		}
		for range 2000 {
			g.Begin()
		}
		if got := granted(); got != 300 {
			t.Errorf("%d more granted with 2000 handshakes, want 300", got)
		}
		time.Sleep(5 * time.Second)
		if got := granted(); got != 0 {
			t.Errorf("%d granted 5 s later, want none", got)
		}
		time.Sleep(10 * time.Second) // half of the span before counts
		if got := granted(); got != 0 {
			t.Errorf("%d granted 15 s later, want none: 200 of 1000 count still", got)
		}
		time.Sleep(10 * time.Second)
		if got := granted(); got != 100 {
			t.Errorf("%d granted when all of it is long ago, want 100", got)
		}
	})
}
