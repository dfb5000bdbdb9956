package gateway

import (
	"bytes"
	"strings"
	"weir/gateway/web"
)

// Unforeseen are the series that something was counted for and that were not there from the start.
func Unforeseen(g *Gateway) (all []string) {
	s := g.scrape()
	fresh := *s
	fresh.loops, fresh.web, fresh.generations = nil, web.Stats{ByReason: map[string]uint64{}}, nil
	had := map[string]bool{}
	for line := range series(&fresh) {
		had[line] = true
	}
	for line := range series(s) {
		if !had[line] && !strings.Contains(line, "{loop=") && !strings.HasPrefix(line, "weir_plan_sessions{") {
			all = append(all, line)
		}
	}
	return all
}

// series are the names and labels of all samples.
func series(s *scrape) func(yield func(string) bool) {
	var text bytes.Buffer
	s.write(&text)
	return func(yield func(string) bool) {
		for line := range strings.Lines(text.String()) {
			if !strings.HasPrefix(line, "#") && !yield(line[:strings.LastIndexByte(line, ' ')]) {
				return
			}
		}
	}
}

// Sample is a sample of a metric m with one label.
func Sample(label, value string) string {
	out := exposition{row: &metric{name: "m", labels: []string{label}}}
	out.sample(1, value)
	return out.text.String()
}
