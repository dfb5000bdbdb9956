package balance

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// A Member is one possible choice. Its name decides which keys it gets by hash, its weight how many.
type Member struct {
	Name     string
	Weight   int // at least 1
	Max      int // sessions it may have; 0: any number
	Priority int // the lowest is used first
	Near     bool
	Load     *Load
}

// maxLevels is how many priorities are told apart; members of further ones are of the last level.
const maxLevels = 8

// A Table is an immutable set of members. Its methods may be called from any goroutine.
type Table struct {
	seeds   []uint64
	entries []entry
	last    uint8  // the highest level
	near    bool   // some member is, and some is not
	turn    *clock // of RoundRobin: the pass that was taken last; shared with the tables before and after
}

// entry is a member as choices see it.
type entry struct {
	load   *Load
	weight float64
	max    int64
	level  uint8 // rank of its priority
	near   bool
}

// NewTable keeps the members in the order given, which no choice by hash depends on. Names must differ. Before is the
// table whose place this one takes, or nil.
func NewTable(members []Member, before *Table) *Table {
	t := &Table{seeds: make([]uint64, len(members)), entries: make([]entry, len(members)), turn: new(clock)}
	if before != nil {
		t.turn = before.turn
	}
	var priorities []int
	for _, m := range members {
		priorities = append(priorities, m.Priority)
	}
	slices.Sort(priorities)
	priorities = slices.Compact(priorities)
	near := 0
	for i, m := range members {
		rank, _ := slices.BinarySearch(priorities, m.Priority)
		level := uint8(min(rank, maxLevels-1))
		t.seeds[i] = xxhash.Sum64String(m.Name)
		t.entries[i] = entry{load: m.Load, weight: float64(m.Weight), max: int64(m.Max), level: level, near: m.Near}
		t.last = max(t.last, level)
		if m.Near {
			near++
		}
	}
	t.near = near > 0 && near < len(members)
	return t
}
