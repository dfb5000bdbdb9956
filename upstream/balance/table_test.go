package balance_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"weir/upstream/balance"
)

// members named m0, m1 ... with these weights.
func members(weights ...int) []balance.Member {
	all := make([]balance.Member, len(weights))
	for i, w := range weights {
		all[i] = balance.Member{Name: fmt.Sprintf("ws://10.0.0.%d:9000", i), Weight: w, Load: new(balance.Load)}
	}
	return all
}

func equals(n int) []balance.Member { return members(slices.Repeat([]int{1}, n)...) }

func keys(n int) []uint64 {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]uint64, n)
	for i := range all {
		all[i] = r.Uint64()
	}
	return all
}

// choices maps each key to the name of its member.
func choices(all []balance.Member, keys []uint64) map[uint64]string {
	table := balance.NewTable(all, nil)
	chosen := make(map[uint64]string, len(keys))
	for _, k := range keys {
		chosen[k] = all[table.Pick(k, balance.Rule{})].Name
	}
	return chosen
}

func TestOrderOfMembersDoesNotMatter(t *testing.T) {
	all, keys := members(1, 2, 3, 1, 5, 8, 1), keys(10_000)
	want := choices(all, keys)
	r := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if !maps.Equal(choices(all, keys), want) {
			t.Fatal("another order of members made other choices")
		}
	}
}

// Gateways of different versions stand side by side, so the choices are fixed for ever.
func TestChoicesAreFixed(t *testing.T) {
	table := balance.NewTable(members(1, 2, 3, 4), nil)
	var got strings.Builder
	for key := range uint64(40) {
		fmt.Fprint(&got, table.Pick(key*0x9e3779b97f4a7c15, balance.Rule{}))
	}
	const want = "3131222132132121322322231322211323230221"
	if got.String() != want {
		t.Errorf("choices are %s, were %s", &got, want)
	}
}

func TestSharesFollowWeights(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1}, {1, 2, 3}, {3, 1}, {1000, 500, 250}, {7, 7, 7, 7, 7, 7, 7, 7, 7, 7}, {1, 10, 20}} {
		all, keys := members(weights...), keys(100_000)
		sum := 0
		for _, w := range weights {
			sum += w
		}
		counts := make(map[string]int)
		for _, name := range choices(all, keys) {
			counts[name]++
		}
		for _, m := range all {
			want := float64(len(keys)) * float64(m.Weight) / float64(sum)
			if got := float64(counts[m.Name]); math.Abs(got-want) > want/10 {
				t.Errorf("weights %v: weight %d got %v keys, want %.0f", weights, m.Weight, got, want)
			}
		}
	}
}

func TestOnlyTheKeysOfAChangedMemberMove(t *testing.T) {
	many := keys(100_000)
	all := members(1, 2, 3, 4, 5, 6, 7, 8)
	const changed = 3
	heavier := slices.Clone(all)
	heavier[changed].Weight = 9
	with := choices(all, many)
	name := all[changed].Name

	t.Run("removed", func(t *testing.T) {
		without := choices(slices.Delete(slices.Clone(all), changed, changed+1), many)
		gained, moved := make(map[string]int), 0
		for k, was := range with {
			if was == name {
				moved++
				gained[without[k]]++
			} else if without[k] != was {
				t.Fatalf("a key of %s moved to %s", was, without[k])
			}
		}
		if max := len(many) * 4 / 36 * 11 / 10; moved > max {
			t.Errorf("%d keys moved, more than %d", moved, max)
		}
		for _, m := range all {
			want := float64(moved) * float64(m.Weight) / 32
			if got := float64(gained[m.Name]); m.Name != name && math.Abs(got-want) > 5*math.Sqrt(want) {
				t.Errorf("weight %d gained %v of the %d keys, want about %.0f", m.Weight, got, moved, want)
			}
		}
	})
	t.Run("made heavier", func(t *testing.T) {
		after := choices(heavier, many)
		for k, was := range with {
			if after[k] != was && after[k] != name {
				t.Fatalf("a key moved from %s to the bystander %s", was, after[k])
			}
		}
	})
}

// ranked is the slow way to the key's order of preference: whoever is first, then
// whoever is first without those.
func ranked(table *balance.Table, n int, key uint64) []int {
	var order []int
	for range n {
		order = append(order, table.Pick(key, balance.Rule{
			Panic: true, Skip: func(i int) bool { return slices.Contains(order, i) },
		}))
	}
	return order
}

// TestEveryState compares with the rule written out, over random states.
func TestEveryState(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		all := members(1+r.IntN(9), 1+r.IntN(9), 1, 1, 2)[:1+r.IntN(5)]
		table, key := balance.NewTable(all, nil), r.Uint64()
		order := ranked(table, len(all), key)

		skipped := make([]bool, len(all))
		rule := balance.Rule{
			Factor: []float64{0, 1, 1.25, 2}[r.IntN(4)],
			Panic:  r.IntN(2) == 0,
			Skip:   func(i int) bool { return skipped[i] },
		}
		downs := r.IntN(4) // 0: none; 3: all
		for i, m := range all {
			m.Load.Active.Store(r.Int64N(8))
			m.Load.Down.Store(downs == 3 || downs > 0 && r.IntN(2) == 0)
			skipped[i] = r.IntN(4) == 0
		}
		if got, want := table.Pick(key, rule), expected(all, order, skipped, rule); got != want {
			t.Fatalf("picked %d, want %d: order %v, skipped %v, rule %+v", got, want, order, skipped, rule)
		}
	}
}

func expected(all []balance.Member, order []int, skipped []bool, r balance.Rule) int {
	up := func(m balance.Member) bool { return !m.Load.Down.Load() }
	if !slices.ContainsFunc(all, up) && r.Panic {
		up = func(balance.Member) bool { return true }
	}
	total, weights := 0.0, 0.0
	for _, m := range all {
		if up(m) {
			total += float64(m.Load.Active.Load())
			weights += float64(m.Weight)
		}
	}
	fallback := -1
	for _, i := range order {
		if !up(all[i]) || skipped[i] {
			continue
		}
		bound := math.Ceil(r.Factor * (total + 1) * float64(all[i].Weight) / weights)
		if r.Factor == 0 || float64(all[i].Load.Active.Load())+1 <= bound {
			return i
		}
		if fallback < 0 {
			fallback = i
		}
	}
	return fallback
}

// The worst case: every session has the same key.
func TestLoadsStayBounded(t *testing.T) {
	for _, factor := range []float64{1, 1.25, 2} {
		all := members(1, 2, 3, 10)
		table := balance.NewTable(all, nil)
		for total := range int64(2000) {
			m := all[table.Pick(42, balance.Rule{Factor: factor})]
			active := m.Load.Active.Add(1)
			if bound := math.Ceil(factor * float64(total+1) * float64(m.Weight) / 16); float64(active) > bound {
				t.Fatalf("factor %v: weight %d has %d of %d sessions, more than %v", factor, m.Weight, active, total+1, bound)
			}
		}
	}
}

func TestKeysComeBackOnRecovery(t *testing.T) {
	all, keys := equals(5), keys(1000)
	before := choices(all, keys)
	all[2].Load.Down.Store(true)
	for k, name := range choices(all, keys) {
		if name == all[2].Name || before[k] != all[2].Name && name != before[k] {
			t.Fatal("a key went to a member that is down, or left one that is up")
		}
	}
	all[2].Load.Down.Store(false)
	if !maps.Equal(choices(all, keys), before) {
		t.Error("not all keys came back")
	}
}

func TestNobody(t *testing.T) {
	if got := balance.NewTable(nil, nil).Pick(1, balance.Rule{Panic: true}); got != -1 {
		t.Errorf("picked %d of no members", got)
	}
}
