package balance

import "math"

// lots returns the two members that rank highest for the key, or None: the second only if it is asked for.
//
// Each member draws a number u in (0,1] from the key and its own seed, and the lowest -ln(u)/weight wins: of independent
// exponential clocks, each is the first to ring with a probability proportional to its rate.
func (c *choice) lots(near, two bool) (first, second int) {
	t := c.table
	first, second = None, None
	best, next := math.Inf(1), math.Inf(1)
	for i, seed := range t.seeds {
		if near && !t.entries[i].near {
			continue
		}
		weight, limit := t.entries[i].weight, best
		if two {
			weight, limit = c.weightOf(i), next
		}
		u := unit(mix(c.key ^ seed))
		// -ln(u) >= 1-u, so most members lose without a logarithm.
		if 1-u >= limit*weight {
			continue
		}
		rank := -math.Log(u) / weight
		switch {
		case rank >= limit || !c.admits(i):
		case rank < best:
			first, second, best, next = i, first, rank, best
		default:
			second, next = i, rank
		}
	}
	return first, second
}

// home is the member of the first level that ranks highest for the key, well or not.
func (t *Table) home(key uint64) int {
	best, winner := math.Inf(1), None
	for i, seed := range t.seeds {
		if rank := -math.Log(unit(mix(key^seed))) / t.entries[i].weight; t.entries[i].level == 0 && rank < best {
			best, winner = rank, i
		}
	}
	return winner
}

// two takes the less loaded one of two that are drawn by lot.
func (c *choice) two(near bool) int {
	a, b := c.lots(near, true)
	if b >= 0 && c.load(b) < c.load(a) {
		return b
	}
	return a
}

// least takes the one with the fewest sessions for its weight. Lots decide among equals, so that gateways do not agree.
func (c *choice) least(near bool) int {
	t := c.table
	winner, best, lot := None, math.Inf(1), uint64(0)
	for i := range t.entries {
		if near && !t.entries[i].near {
			continue
		}
		load := c.load(i)
		if load > best || !c.admits(i) {
			continue
		}
		if drawn := mix(c.key ^ t.seeds[i]); load < best || drawn < lot {
			winner, best, lot = i, load, drawn
		}
	}
	return winner
}

// next takes the one whose turn it is. One that was away does not make up for that. Lots decide among equals, or all gateways
// would begin with the same one.
func (c *choice) next(near bool) int {
	t := c.table
	for {
		winner, best, lot, pass, now := None, math.Inf(1), uint64(0), 0.0, t.turn.read()
		for i := range t.entries {
			own := t.entries[i].load.pass.read()
			due := max(own, now)
			if due > best || near && !t.entries[i].near || !c.admits(i) {
				continue
			}
			if drawn := mix(c.key ^ t.seeds[i]); due < best || drawn < lot {
				winner, best, lot, pass = i, due, drawn, own
			}
		}
		if winner < 0 {
			return None
		}
		if t.entries[winner].load.pass.move(pass, best+1/c.weightOf(winner)) {
			t.turn.reach(best)
			return winner
		}
	}
}

// load is what a member would have for each unit of its weight, with the session that is to be placed.
func (c *choice) load(i int) float64 {
	return float64(c.table.entries[i].load.Active.Load()+1) / c.weightOf(i)
}

// weightOf is what a member has of its weight by now.
func (c *choice) weightOf(i int) float64 {
	if c.rule.SlowStart == 0 {
		return c.table.entries[i].weight
	}
	return c.table.entries[i].weight * c.table.entries[i].load.ramp(c.rule.SlowStart, c.rule.Now)
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
