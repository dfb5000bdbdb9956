package balance_test

import (
	"fmt"
	"testing"

	"weir/upstream/balance"
)

func TestPickDoesNotAllocate(t *testing.T) {
	all := members(1, 2, 3)
	table := balance.NewTable(all, nil)
	skipped := 1
	n := testing.AllocsPerRun(1000, func() {
		table.Pick(7, balance.Rule{Factor: 1.25, Skip: func(i int) bool { return i == skipped }})
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{3, 100, 1000} {
		for _, policy := range policies {
			factor := 0.0
			if policy == balance.Hash {
				factor = 1.25
			}
			b.Run(fmt.Sprintf("members=%d/%s", n, policy), func(b *testing.B) {
				b.ReportAllocs()
				all := equals(n)
				for _, m := range all {
					m.Load.Active.Store(1000)
				}
				table := balance.NewTable(all, nil)
				key := uint64(0)
				for b.Loop() {
					key += 0x9e3779b97f4a7c15
					table.Pick(key, balance.Rule{Policy: policy, Factor: factor})
				}
			})
		}
	}
}
