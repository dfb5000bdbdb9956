package observe

import (
	"cmp"
	"crypto/tls"
	"maps"
	"slices"
	"strconv"
	"strings"

	"weir/netpoll"
)

// Sources of single metrics.

func byReason(known func(*Scrape) []string, of func(*Scrape) map[string]uint64) source {
	return tallied(known, of, strings.Compare, func(reason string) []string { return []string{reason} })
}

func predecessor(s *Scrape, out *exposition) {
	if pid, n, ok := s.Predecessor(); ok {
		out.sample(float64(n), strconv.Itoa(pid))
	}
}

// generations tells of sessions whose route was made for a configuration before.
func generations(s *Scrape, out *exposition) {
	open := s.Generations
	for _, generation := range slices.Sorted(maps.Keys(open)) {
		out.sample(float64(open[generation]), strconv.FormatUint(generation, 10))
	}
}

func lookups(s *Scrape, out *exposition) {
	for _, host := range slices.Sorted(maps.Keys(s.Lookups)) {
		out.sample(float64(s.Lookups[host].Failures), host)
	}
}

func lookupsFailing(s *Scrape, out *exposition) {
	for _, host := range slices.Sorted(maps.Keys(s.Lookups)) {
		failing := 0.0
		if s.Lookups[host].Failing {
			failing = 1
		}
		out.sample(failing, host)
	}
}

// handshaking is how many TLS handshakes with clients are at a stage.
func handshaking(of func(*netpoll.Handshakes) int) source {
	return value(func(s *Scrape) int { return of(s.Handshakes) })
}

func certificates(s *Scrape, out *exposition) {
	for _, e := range s.Expiries {
		out.sample(float64(max(0, e.NotAfter.Unix())), e.Name)
	}
}

func (k CloseKey) labels() []string { return []string{k.Reason, k.Code} }

func (k CloseKey) compare(o CloseKey) int {
	return cmp.Or(strings.Compare(k.Reason, o.Reason), strings.Compare(k.Code, o.Code))
}

func (k tlsKey) labels() []string {
	return []string{tls.VersionName(k.Version), strconv.FormatBool(k.Resumed)}
}

func (k tlsKey) compare(o tlsKey) int {
	return cmp.Or(cmp.Compare(k.Version, o.Version), cmp.Compare(fromBool(k.Resumed), fromBool(o.Resumed)))
}

func (k MoveKey) labels() []string { return []string{k.Reason, k.Outcome} }

func (k MoveKey) compare(o MoveKey) int {
	return cmp.Or(strings.Compare(k.Reason, o.Reason), strings.Compare(k.Outcome, o.Outcome))
}
