package balance

import (
	"math"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// Load is what changes about a member. Any goroutine may read and write it.
type Load struct {
	Active atomic.Int64 // sessions
	Down   atomic.Bool
}

// A Member is one possible choice. Its name decides which keys it gets, its
// weight how many.
type Member struct {
	Name   string
	Weight int // at least 1
	Load   *Load
}

// A Table is an immutable set of members. Its methods may be called from any
// goroutine.
type Table struct {
	seeds   []uint64
	weights []float64
	loads   []*Load
}

// NewTable keeps the members in the order given, which no choice depends on.
// Names must differ.
func NewTable(members []Member) *Table {
	t := &Table{
		seeds:   make([]uint64, len(members)),
		weights: make([]float64, len(members)),
		loads:   make([]*Load, len(members)),
	}
	for i, m := range members {
		t.seeds[i] = xxhash.Sum64String(m.Name)
		t.weights[i] = float64(m.Weight)
		t.loads[i] = m.Load
	}
	return t
}

// A Rule says which members a choice may fall on.
type Rule struct {
	// Factor bounds a member's sessions, the new one included, to
	// ceil(Factor * (total+1) * weight / all weights) over the members that are up;
	// 0: no bound.
	Factor float64
	// Panic takes all members for being up when none is.
	Panic bool
	// Skip leaves members out by their index. Nil: none.
	Skip func(i int) bool
}

// Pick returns the index of the first member in the key's order of preference
// that the rule admits. If all that are up and not skipped have reached their
// bound, it returns the first of these; -1 if there are none.
func (t *Table) Pick(key uint64, r Rule) int {
	total, weight := t.sum(false)
	evenDown := weight == 0 && r.Panic
	if evenDown {
		total, weight = t.sum(true)
	}
	if weight == 0 {
		return -1
	}
	if r.Factor > 0 {
		share := r.Factor * float64(total+1) / weight
		if i := t.first(key, share, evenDown, r.Skip); i >= 0 {
			return i
		}
	}
	return t.first(key, math.Inf(1), evenDown, r.Skip)
}

// sum adds up sessions and weights, of the members that are up or of all.
func (t *Table) sum(evenDown bool) (total int64, weight float64) {
	for i, load := range t.loads {
		if evenDown || !load.Down.Load() {
			total += load.Active.Load()
			weight += t.weights[i]
		}
	}
	return total, weight
}

// first returns the member that ranks highest for the key among those with
// fewer sessions than share times their weight, or -1.
//
// Each member draws a number u in (0,1] from the key and its own seed, and the
// lowest -ln(u)/weight wins: of independent exponential clocks, each is the
// first to ring with a probability proportional to its rate.
func (t *Table) first(key uint64, share float64, evenDown bool, skip func(int) bool) int {
	best, winner := math.Inf(1), -1
	for i, seed := range t.seeds {
		u := unit(mix(key ^ seed))
		// -ln(u) >= 1-u, so most members lose without a logarithm.
		if 1-u >= best*t.weights[i] {
			continue
		}
		rank := -math.Log(u) / t.weights[i]
		if rank >= best || !t.admits(i, share, evenDown) || skip != nil && skip(i) {
			continue
		}
		best, winner = rank, i
	}
	return winner
}

func (t *Table) admits(i int, share float64, evenDown bool) bool {
	load := t.loads[i]
	return (evenDown || !load.Down.Load()) && float64(load.Active.Load()) < share*t.weights[i]
}

// mix spreads every bit of x over all others (the 64-bit finaliser of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// unit maps x evenly into (0,1].
func unit(x uint64) float64 { return float64(x>>11+1) * 0x1p-53 }
