package gateway

import "strings"

// Sample is a sample of a metric m with one label.
func Sample(label, value string) string {
	out := exposition{row: &metric{name: "m", labels: []string{label}}}
	out.sample(1, value)
	return out.text.String()
}

// Unforeseen are the series that something was counted for and that were not there from the start.
func Unforeseen(g *Gateway) (all []string) {
	s := scrape{g: g, plan: g.plan.Load(), loops: g.stats(), web: g.web.Stats()}
	fresh := scrape{g: g, plan: s.plan}
	for i := range metricTable {
		var known, now exposition
		known.begin(&metricTable[i])
		now.begin(&metricTable[i])
		if labels := metricTable[i].labels; len(labels) == 0 || labels[0] == "loop" {
			continue
		}
		metricTable[i].from(&fresh, &known)
		metricTable[i].from(&s, &now)
		had := map[string]bool{}
		for line := range strings.Lines(known.text.String()) {
			had[line[:strings.LastIndexByte(line, ' ')]] = true
		}
		for line := range strings.Lines(now.text.String()) {
			if series := line[:strings.LastIndexByte(line, ' ')]; !had[series] {
				all = append(all, series)
			}
		}
	}
	return all
}
