package gateway

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

func reasons(known func(*scrape) []string, of func(*scrape) map[string]uint64) source {
	return tallied(known, of, strings.Compare, func(reason string) []string { return []string{reason} })
}

func predecessor(s *scrape, out *exposition) {
	if pid, n, ok := s.predecessor(); ok {
		out.sample(float64(n), strconv.Itoa(pid))
	}
}

// generations tells of sessions whose route was made for a configuration before.
func generations(s *scrape, out *exposition) {
	open := s.generations
	for _, generation := range slices.Sorted(maps.Keys(open)) {
		out.sample(float64(open[generation]), strconv.FormatUint(generation, 10))
	}
}

func lookups(s *scrape, out *exposition) {
	for _, host := range slices.Sorted(maps.Keys(s.lookups)) {
		out.sample(float64(s.lookups[host]), host)
	}
}

// handshaking is how many TLS handshakes with clients are at a stage.
func handshaking(of func(*netpoll.Handshakes) int) source {
	return value(func(s *scrape) int { return of(s.handshakes) })
}

func certificates(s *scrape, out *exposition) {
	for _, e := range s.expiries {
		out.sample(float64(max(0, e.NotAfter.Unix())), e.Name)
	}
}

func (k closeKey) labels() []string { return []string{k.reason, k.code} }

func (k closeKey) compare(o closeKey) int {
	return cmp.Or(strings.Compare(k.reason, o.reason), strings.Compare(k.code, o.code))
}

func (k tlsKey) labels() []string {
	return []string{tls.VersionName(k.version), strconv.FormatBool(k.resumed)}
}

func (k tlsKey) compare(o tlsKey) int {
	return cmp.Or(cmp.Compare(k.version, o.version), cmp.Compare(fromBool(k.resumed), fromBool(o.resumed)))
}
