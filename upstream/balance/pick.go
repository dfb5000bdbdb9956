package balance

import (
	"math"
	"math/rand/v2"
	"time"
)

// A Policy is by what members are chosen.
type Policy string

const (
	Hash       Policy = "hash" // by the key; "" means the same
	Least      Policy = "least"
	Two        Policy = "two"
	RoundRobin Policy = "round-robin"
)

// Policies are all of them.
var Policies = []Policy{Hash, Least, Two, RoundRobin}

// A Rule says how to choose, and which members the choice may fall on.
type Rule struct {
	Policy Policy
	// Factor bounds a member's sessions, the new one included, to
	// ceil(Factor * (total+1) * weight / all weights) over the members that are up;
	// 0: no bound.
	Factor float64
	// Threshold is the share of its weight, from 0 to 1, that must be up on the levels in use, or the next level is
	// used as well. It always is where nothing is up, or all that is up is full or skipped.
	Threshold float64
	// SlowStart is how long a member takes to get its whole weight once it has joined or come back, but for Hash.
	SlowStart time.Duration
	Now       time.Time // for SlowStart
	// Panic takes all members for being up when none is, but for those that are off.
	Panic bool
	// Skip leaves members out by their index. Nil: none.
	Skip func(i int) bool
}

// What Pick returns instead of an index.
const (
	None = -1 // nobody is up who is not skipped
	Full = -2 // all who are have as many sessions as they may
)

// Pick returns the index of the member that the rule prefers, or None or Full. The bound by Factor is no cap: where all have
// reached theirs, the choice is made without it.
func (t *Table) Pick(key uint64, r Rule) int {
	if r.Policy != Hash && r.Policy != "" {
		key = rand.Uint64()
	}
	c := choice{table: t, rule: &r, key: key, share: math.Inf(1)}
	if r.Factor == 0 && t.last == 0 { // how it stands with all of them does not matter, as long as one is found
		if i := c.within(); i >= 0 {
			return i
		}
	}
	if c.survey = t.survey(&r); c.weight == 0 {
		return None
	}
	if r.Factor > 0 {
		c.share = r.Factor * float64(c.total+1) / c.weight
	}
	if i := c.within(); i >= 0 {
		return i
	}
	for c.share = math.Inf(1); c.level <= t.last; c.level++ { // those that are full, or were tried, have the next level used as well
		if i := c.best(); i >= 0 {
			return i
		}
	}
	if c.full {
		return Full
	}
	return None
}

// survey is how it stands with the members.
type survey struct {
	total    int64   // sessions of those that count
	weight   float64 // of those that count
	level    uint8   // the highest in use
	evenDown bool    // in a panic all count
}

// survey adds up the levels, from the first on, until enough is up.
func (t *Table) survey(r *Rule) survey {
	var total [maxLevels]int64
	var up, all [maxLevels]float64
	for i := range t.entries {
		e := &t.entries[i]
		all[e.level] += e.weight
		if !e.load.Down.Load() {
			total[e.level] += e.load.Active.Load()
			up[e.level] += e.weight
		}
	}
	var s survey
	of := 0.0
	for level := range t.last + 1 {
		s.total, s.weight, s.level, of = s.total+total[level], s.weight+up[level], level, of+all[level]
		if s.weight > 0 && s.weight >= r.Threshold*of {
			return s
		}
	}
	if s.weight == 0 && r.Panic {
		s.evenDown = true
		for i := range t.entries {
			if e := &t.entries[i]; !e.load.Off.Load() {
				s.total, s.weight = s.total+e.load.Active.Load(), s.weight+e.weight
			}
		}
	}
	return s
}

// choice is one on its way.
type choice struct {
	table *Table
	rule  *Rule
	survey
	key   uint64
	share float64 // sessions a member may have for each unit of its weight
	full  bool    // somebody came into question but for his cap
}

// within chooses among those that have room: a key's member of the first level before any of another, the near ones before
// the others.
func (c *choice) within() int {
	t := c.table
	if c.level > 0 && (c.rule.Policy == Hash || c.rule.Policy == "") {
		if i := t.home(c.key); i >= 0 && c.admits(i) {
			return i
		}
	}
	if t.near {
		if i := c.bestOf(true); i >= 0 {
			return i
		}
	}
	return c.best()
}

// admits tells whether the choice may fall on a member.
func (c *choice) admits(i int) bool {
	e := &c.table.entries[i]
	if e.level > c.level || e.load.Down.Load() && (!c.evenDown || e.load.Off.Load()) || c.rule.Skip != nil && c.rule.Skip(i) {
		return false
	}
	if e.max == 0 && c.share == math.Inf(1) {
		return true
	}
	active := e.load.Active.Load()
	if e.max > 0 && active >= e.max {
		c.full = true
		return false
	}
	return float64(active) < c.share*e.weight
}

func (c *choice) best() int { return c.bestOf(false) }

// bestOf chooses by the policy, among the near ones or all.
func (c *choice) bestOf(near bool) int {
	switch c.rule.Policy {
	case Least:
		return c.least(near)
	case Two:
		return c.two(near)
	case RoundRobin:
		return c.next(near)
	}
	first, _ := c.lots(near, false)
	return first
}
