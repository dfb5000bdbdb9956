package balance

// Surplus is how many sessions each member has beyond its fair share of all, that share being made larger by the part within. Fair
// is what the rule would give it of new ones, by weight: nothing to members of levels that are not used. Members that
// are down have none, as they are left for other reasons.
func (t *Table) Surplus(r Rule, within float64) []int {
	s := t.survey(&r)
	total := 0.0
	for i := range t.entries {
		total += float64(t.entries[i].load.Active.Load())
	}
	surplus := make([]int, len(t.entries))
	for i := range t.entries {
		load := t.entries[i].load
		if load.Down.Load() || s.weight == 0 || s.evenDown {
			continue
		}
		fair := 0.0
		if t.entries[i].level <= s.level {
			fair = total * t.entries[i].weight / s.weight * (1 + within)
		}
		surplus[i] = max(0, int(float64(load.Active.Load())-fair))
	}
	return surplus
}

// Skew is how many times its fair share the member has that has the most of it, among those that are up and in use: 1 if all
// have what they should, 0 if there is no session.
func (t *Table) Skew(r Rule) (most float64) {
	s := t.survey(&r)
	if s.total == 0 || s.evenDown {
		return 0
	}
	for i := range t.entries {
		if e := &t.entries[i]; e.level <= s.level && !e.load.Down.Load() {
			most = max(most, float64(e.load.Active.Load())/(float64(s.total)*e.weight/s.weight))
		}
	}
	return most
}
