package gateway

import (
	"bytes"
	"strings"

	"weir/gateway/observe"
	"weir/gateway/web"
)

// Metrics are all series but those of the process, as /metrics has them.
func Metrics(g *Gateway) string {
	var text bytes.Buffer
	g.scrape().Write(&text)
	return text.String()
}

// Unforeseen are the series that something was counted for and that were not there from the start.
func Unforeseen(g *Gateway) (all []string) {
	s := g.scrape()
	fresh := *s
	fresh.Loops, fresh.Web, fresh.Generations = nil, web.Stats{ByReason: map[string]uint64{}}, nil
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
func series(s *observe.Scrape) func(yield func(string) bool) {
	var text bytes.Buffer
	s.Write(&text)
	return func(yield func(string) bool) {
		for line := range strings.Lines(text.String()) {
			if !strings.HasPrefix(line, "#") && !yield(line[:strings.LastIndexByte(line, ' ')]) {
				return
			}
		}
	}
}
