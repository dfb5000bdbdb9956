package balance_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/upstream/balance"
)

var policies = []balance.Policy{balance.Hash, balance.Least, balance.Two, balance.RoundRobin}

// place picks for n sessions, each with a key of its own, and counts them onto their members.
func place(t *testing.T, all []balance.Member, table *balance.Table, r balance.Rule, n int) {
	t.Helper()
	keys := rand.New(rand.NewPCG(7, uint64(n)))
	for range n {
		i := table.Pick(keys.Uint64(), r)
		if i < 0 || !all[i].Load.Acquire(all[i].Max) {
			t.Fatalf("%s: picked %d", r.Policy, i)
		}
	}
}

func active(all []balance.Member) (counts []int64) {
	for _, m := range all {
		counts = append(counts, m.Load.Active.Load())
	}
	return counts
}

func TestLeastAndRoundRobinFollowWeightsExactly(t *testing.T) {
	for _, policy := range []balance.Policy{balance.Least, balance.RoundRobin} {
		all := members(1, 2, 3)
		place(t, all, balance.NewTable(all, nil), balance.Rule{Policy: policy}, 600)
		if got := active(all); !slices.Equal(got, []int64{100, 200, 300}) {
			t.Errorf("%s: 600 sessions by weights 1, 2, 3 are %v", policy, got)
		}
	}
}

func TestTwoChoicesStayNearTheirShares(t *testing.T) {
	all := equals(10)
	place(t, all, balance.NewTable(all, nil), balance.Rule{Policy: balance.Two}, 10_000)
	if got := active(all); slices.Max(got)-slices.Min(got) > 40 {
		t.Errorf("10,000 sessions on 10 members are %v", got)
	}
}

// What is open is what counts, also for members that came later (the counts are not those of a table).
func TestLeastFillsNewMembersUp(t *testing.T) {
	all := equals(3)
	table := balance.NewTable(all, nil)
	place(t, all, table, balance.Rule{Policy: balance.Least}, 300)
	more := append(slices.Clone(all), members(1, 1, 1, 1)[3])
	place(t, more, balance.NewTable(more, table), balance.Rule{Policy: balance.Least}, 100)
	if got := active(more); !slices.Equal(got, []int64{100, 100, 100, 100}) {
		t.Errorf("a fourth member joined 300 sessions, and with 100 more they are %v", got)
	}
}

func TestRoundRobinDoesNotMakeUpForAnAbsence(t *testing.T) {
	all := equals(3)
	table := balance.NewTable(all, nil)
	all[0].Load.Down.Store(true)
	place(t, all, table, balance.Rule{Policy: balance.RoundRobin}, 200)
	all[0].Load.Down.Store(false)
	more := append(slices.Clone(all), members(1, 1, 1, 1)[3]) // and one has joined
	table = balance.NewTable(more, table)
	place(t, more, table, balance.Rule{Policy: balance.RoundRobin}, 40)
	got := active(more)
	for i, want := range []int64{10, 110, 110, 10} {
		if got[i] < want-1 || got[i] > want+1 { // the first two turns end those that were under way
			t.Errorf("40 turns after the return are %v", got)
		}
	}
}

func TestSlowStart(t *testing.T) {
	now := time.Now()
	for _, policy := range policies[1:] {
		all := equals(2)
		all[1].Load.Since.Store(now.Add(-15 * time.Second).UnixNano())
		r := balance.Rule{Policy: policy, SlowStart: time.Minute, Now: now}
		place(t, all, balance.NewTable(all, nil), r, 1000)
		got := float64(all[1].Load.Active.Load())
		// A quarter of its weight: one session in five. Two random choices of two members compare both each time.
		if want := 200.0; math.Abs(got-want) > 10 {
			t.Errorf("%s: a member at a quarter of its start has %v of 1000 sessions, want about %v", policy, got, want)
		}
	}
	all := equals(2)
	all[1].Load.Since.Store(now.UnixNano())
	place(t, all, balance.NewTable(all, nil), balance.Rule{SlowStart: time.Minute, Now: now}, 1000)
	if got := all[1].Load.Active.Load(); got < 400 {
		t.Errorf("by hash a new member has %d of 1000 sessions: its keys are its own from the start", got)
	}
}

func TestCap(t *testing.T) {
	for _, policy := range policies {
		all := equals(3)
		all[0].Max, all[1].Max = 5, 10
		table := balance.NewTable(all, nil)
		place(t, all, table, balance.Rule{Policy: policy}, 300)
		if got := active(all); !slices.Equal(got, []int64{5, 10, 285}) {
			t.Errorf("%s: caps of 5, 10 and none: %v", policy, got)
		}
		all[2].Load.Down.Store(true)
		if got := table.Pick(1, balance.Rule{Policy: policy}); got != balance.Full {
			t.Errorf("%s: picked %d where all that are up are full", policy, got)
		}
		if got := table.Pick(1, balance.Rule{Policy: policy, Skip: func(i int) bool { return i < 2 }}); got != balance.None {
			t.Errorf("%s: picked %d where the full ones are skipped and the other is down", policy, got)
		}
	}
}

func TestFullOnesHaveTheNextLevelUsed(t *testing.T) {
	for _, policy := range policies {
		all := equals(3)
		all[0].Max, all[1].Max, all[2].Max, all[2].Priority = 2, 2, 1, 1
		table := balance.NewTable(all, nil)
		place(t, all, table, balance.Rule{Policy: policy, Factor: 1}, 5)
		if got := active(all); !slices.Equal(got, []int64{2, 2, 1}) {
			t.Errorf("%s: %v", policy, got)
		}
		if got := table.Pick(1, balance.Rule{Policy: policy}); got != balance.Full {
			t.Errorf("%s: picked %d where all are full", policy, got)
		}
		for i := range all {
			all[i].Load.Active.Store(0)
		}
		if got := table.Pick(1, balance.Rule{Policy: policy, Skip: func(i int) bool { return i < 2 }}); got != 2 {
			t.Errorf("%s: picked %d where the first level was tried", policy, got)
		}
	}
}

func TestHashMovesOnlyThoseThatFindNoRoom(t *testing.T) {
	all, keys := equals(5), keys(20_000)
	before := choices(all, keys)
	full := all[1]
	full.Max = 10
	full.Load.Active.Store(10)
	all[1] = full
	for k, name := range choices(all, keys) {
		if was := before[k]; was != full.Name && name != was || name == full.Name {
			t.Fatalf("a key of %s went to %s", was, name)
		}
	}
}

func TestLevels(t *testing.T) {
	const threshold = 0.5
	for _, policy := range policies {
		all := equals(6)
		for i := range 2 {
			all[4+i].Priority = 10 + i // two levels behind the first
		}
		table := balance.NewTable(all, nil)
		used := func(r balance.Rule) (n int) {
			for i := range all {
				all[i].Load.Active.Store(0)
			}
			place(t, all, table, r, 2000)
			for _, a := range active(all)[4:] {
				if a > 0 {
					n++
				}
			}
			return n
		}
		for down, want := range []int{0, 0, 0, 1, 2} {
			if down > 0 {
				all[down-1].Load.Down.Store(true)
			}
			// 3 of 4 down: with the next level 2 of 5 are up, below one half; with all 3 of 6.
			if down == 3 {
				want = 2
			}
			if got := used(balance.Rule{Policy: policy, Threshold: threshold}); got != want {
				t.Errorf("%s: %d of 4 are down, and %d of the further levels are used, want %d", policy, down, got, want)
			}
			if got, want := used(balance.Rule{Policy: policy}), map[bool]int{false: 0, true: 1}[down == 4]; got != want {
				t.Errorf("%s: without a threshold, %d of 4 are down, and %d of the further levels are used, want %d", policy, down, got, want)
			}
		}
	}
}

func TestHashKeepsItsMembersWhenTheNextLevelJoinsIn(t *testing.T) {
	all, keys := equals(6), keys(20_000)
	all[4].Priority, all[5].Priority = 1, 1
	table := balance.NewTable(all, nil)
	rule := balance.Rule{Threshold: 0.9}
	for i := range all {
		all[i].Load.Active.Store(0)
	}
	before := map[uint64]int{}
	for _, k := range keys {
		before[k] = table.Pick(k, rule)
	}
	all[0].Load.Down.Store(true)
	for _, k := range keys {
		if got := table.Pick(k, rule); before[k] != 0 && got != before[k] {
			t.Fatalf("a key of %d, which is well, went to %d", before[k], got)
		}
	}
}

func TestNearOnesFirstWhileTheyHaveRoom(t *testing.T) {
	for _, policy := range policies {
		all := equals(4)
		all[2].Near, all[3].Near = true, true
		all[2].Max = 50
		table := balance.NewTable(all, nil)
		place(t, all, table, balance.Rule{Policy: policy}, 200)
		if got := active(all); got[0]+got[1] != 0 {
			t.Errorf("%s: %v, where the last two are near", policy, got)
		}
		for i := range all {
			all[i].Load.Active.Store(0)
		}
		place(t, all, table, balance.Rule{Policy: policy, Factor: 1.3}, 1000)
		if got := active(all); got[0]+got[1] == 0 || got[2] != 50 || got[3] < 320 || got[3] > 326 {
			t.Errorf("%s: %v of 1000, where the last two are near, with room for 50 and for 1.3 shares", policy, got)
		}
		all[2].Load.Down.Store(true)
		all[3].Load.Down.Store(true)
		if got := table.Pick(3, balance.Rule{Policy: policy}); got != 0 && got != 1 {
			t.Errorf("%s: picked %d where the near ones are down", policy, got)
		}
	}
}
