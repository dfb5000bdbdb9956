package balance_test

import (
	"slices"
	"testing"

	"weir/upstream/balance"
)

func TestSurplusAndSkew(t *testing.T) {
	for name, c := range map[string]struct {
		active  []int64
		weights []int
		down    int // index; -1: none
		backup  int // likewise
		surplus []int
		skew    float64
	}{
		"even":            {[]int64{10, 10, 10}, []int{1, 1, 1}, -1, -1, []int{0, 0, 0}, 1},
		"within the part": {[]int64{11, 10, 9}, []int{1, 1, 1}, -1, -1, []int{0, 0, 0}, 1.1},
		"beyond it":       {[]int64{20, 5, 5}, []int{1, 1, 1}, -1, -1, []int{9, 0, 0}, 2},
		"by weight":       {[]int64{20, 10}, []int{2, 1}, -1, -1, []int{0, 0}, 1},
		"one joined":      {[]int64{30, 30, 0}, []int{1, 1, 1}, -1, -1, []int{8, 8, 0}, 1.5},
		"one is down":     {[]int64{30, 30, 0}, []int{1, 1, 1}, 0, -1, []int{0, 0, 0}, 2},
		"backup":          {[]int64{10, 10, 5}, []int{1, 1, 1}, -1, 2, []int{0, 0, 5}, 1},
		"nobody":          {[]int64{0, 0}, []int{1, 1}, -1, -1, []int{0, 0}, 0},
	} {
		all := members(c.weights...)
		for i, n := range c.active {
			all[i].Load.Active.Store(n)
			all[i].Load.Down.Store(i == c.down)
			if i == c.backup {
				all[i].Priority = 1
			}
		}
		table := balance.NewTable(all, nil)
		if got := table.Surplus(balance.Rule{}, .1); !slices.Equal(got, c.surplus) {
			t.Errorf("%s: surplus %v, want %v", name, got, c.surplus)
		}
		if got := table.Skew(balance.Rule{}); got < c.skew-.01 || got > c.skew+.01 {
			t.Errorf("%s: skew %v, want %v", name, got, c.skew)
		}
	}
}
