package balance

// Surplus is how many sessions each member has beyond its fair share of all, that share being made larger by the part within. Fair
// is what the rule would give it of new ones, by weight: nothing to members of levels that are not used. Members that
// are down have none, as they are left for other reasons.
func (t *Table) Surplus(r Rule, within float64) []int {
	s := t.survey(&r)
	total := 0.0
	for i := range t.members {
		total += float64(t.members[i].Load.Active.Load())
	}
	surplus := make([]int, len(t.members))
	for i := range t.members {
		load := t.members[i].Load
		if load.Down.Load() || s.weight == 0 || s.evenDown {
			continue
		}
		fair := 0.0
		if t.levels[i] <= s.level {
			fair = total * t.weights[i] / s.weight * (1 + within)
		}
		surplus[i] = max(0, int(float64(load.Active.Load())-fair))
	}
	return surplus
}
