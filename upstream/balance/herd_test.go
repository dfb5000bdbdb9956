package balance_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weir/upstream/balance"
)

// gateways are as many tables of the same members, each with loads of its own: none knows what the others have open.
func gateways(n, backends int) (all [][]balance.Member, tables []*balance.Table) {
	for range n {
		m := equals(backends)
		all, tables = append(all, m), append(tables, balance.NewTable(m, nil))
	}
	return all, tables
}

// TestShares of sessions that come to 100 gateways at random, by up to 1,000 backends, and end at random.
func TestShares(t *testing.T) {
	for _, backends := range []int{3, 100, 1000} {
		for _, policy := range policies {
			all, tables := gateways(100, backends)
			r := rand.New(rand.NewPCG(uint64(backends), 9))
			each := map[int]int{3: 100, 100: 100, 1000: 10}[backends]
			sessions := each * backends
			var open [][2]int
			for n := range sessions + sessions/4 {
				if n >= sessions { // one goes for each that comes
					k := r.IntN(len(open))
					was := open[k]
					all[was[0]][was[1]].Load.Active.Add(-1)
					open = slices.Delete(open, k, k+1)
				}
				g := r.IntN(len(tables))
				i := tables[g].Pick(r.Uint64(), balance.Rule{Policy: policy})
				all[g][i].Load.Active.Add(1)
				open = append(open, [2]int{g, i})
			}
			counts := make([]float64, backends)
			for _, o := range open {
				counts[o[1]]++
			}
			spread := deviation(counts)
			// By chance alone it is the root.
			if limit := 1.4 * math.Sqrt(float64(each)); spread > limit {
				t.Errorf("%d backends by %s: %d sessions each on average, with a deviation of %.1f, more than %.1f", backends, policy, each, spread, limit)
			}
		}
	}
}

func deviation(counts []float64) float64 {
	mean, sum := 0.0, 0.0
	for _, c := range counts {
		mean += c / float64(len(counts))
	}
	for _, c := range counts {
		sum += (c - mean) * (c - mean)
	}
	return math.Sqrt(sum / float64(len(counts)))
}

// TestHerd: an empty member joins 100 gateways that have a thousand sessions each. By two random choices it does not get
// every newcomer, as it does by the fewest sessions.
func TestHerd(t *testing.T) {
	const members, newcomers = 20, 1000
	share := func(policy balance.Policy) float64 {
		all, tables := gateways(100, members)
		r := rand.New(rand.NewPCG(11, 12))
		for g := range all {
			for i := range all[g][1:] {
				all[g][1+i].Load.Active.Store(1000 / members)
			}
		}
		got := 0
		for range newcomers {
			if tables[r.IntN(len(tables))].Pick(r.Uint64(), balance.Rule{Policy: policy}) == 0 {
				got++
			}
		}
		return float64(got) / newcomers
	}
	if got := share(balance.Least); got != 1 {
		t.Errorf("the emptiest of %d gets %v of the newcomers by the fewest sessions", members, got)
	}
	if got := share(balance.Two); got > 2.5/members {
		t.Errorf("the emptiest of %d gets %v of the newcomers by two choices, more than twice its share", members, got)
	}
}
