package upstream

import "weir/upstream/balance"

// Hashed tells whether keys decide which endpoint a session gets.
func (g *Group) Hashed() bool { return g.options.Policy == "" || g.options.Policy == balance.Hash }

// Surplus is how many sessions endpoints have beyond their share, that share being made larger by the part within; by ID,
// those without are left out.
func (g *Group) Surplus(within float64) map[uint64]int {
	s := g.current.Load()
	all := map[uint64]int{}
	for i, n := range s.table.Surplus(balance.Rule{Threshold: g.options.Threshold, Panic: g.options.Panic}, within) {
		if n > 0 {
			all[s.endpoints[i].id] = n
		}
	}
	return all
}

// Skew is how many times its fair share of the sessions the endpoint has that has the most of it; 0: there are none.
func (g *Group) Skew() float64 {
	return g.current.Load().table.Skew(balance.Rule{Threshold: g.options.Threshold})
}
