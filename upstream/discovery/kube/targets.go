package kube

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"weir/upstream/discovery"
)

// maxTargets is how many of a Service count. Beyond that the set is cut after sorting, so that all gateways keep the same ones.
const maxTargets = 5000

// slice is what counts of an EndpointSlice: none of its endpoints that is not a target.
type slice struct {
	ports     map[string]uint16 // of the pods, by the name of the Service's port
	endpoints []endpoint
}

type endpoint struct {
	addr    netip.Addr
	leaving bool
	zone    string // that it is in
	hint    string // zone that shall use it
}

func reduceSlice(s *discoveryv1.EndpointSlice) slice {
	reduced := slice{ports: map[string]uint16{}}
	if s.AddressType == discoveryv1.AddressTypeFQDN {
		return reduced // deprecated; no meaning is defined for these
	}
	for _, p := range s.Ports {
		tcp := p.Protocol == nil || *p.Protocol == corev1.ProtocolTCP
		if tcp && p.Port != nil && *p.Port > 0 && *p.Port <= 65535 {
			reduced.ports[value(p.Name, "")] = uint16(*p.Port)
		}
	}
	for _, e := range s.Endpoints {
		taken, leaving := admitted(e.Conditions)
		if !taken || len(e.Addresses) == 0 {
			continue
		}
		// All of an endpoint's addresses are one backend; no meaning is defined for those after the first.
		addr, err := netip.ParseAddr(e.Addresses[0])
		if err != nil {
			continue
		}
		zone := value(e.Zone, "")
		reduced.endpoints = append(reduced.endpoints, endpoint{addr.Unmap(), leaving, zone, hintOf(e.Hints, zone)})
	}
	return reduced
}

// admitted tells whether an endpoint is a target, and whether it is leaving. Conditions that are not set have the defaults of
// the API: ready, serving, not terminating.
func admitted(c discoveryv1.EndpointConditions) (taken, leaving bool) {
	ready := value(c.Ready, true)
	if value(c.Terminating, false) {
		return value(c.Serving, true) || ready, true
	}
	return ready, false
}

// hintOf is the zone that shall use an endpoint. Controllers name one. Of several the endpoint's own counts, if it is among
// them, because a target has one zone.
func hintOf(hints *discoveryv1.EndpointHints, own string) string {
	if hints == nil || len(hints.ForZones) == 0 {
		return ""
	}
	if slices.Contains(hints.ForZones, discoveryv1.ForZone{Name: own}) {
		return own
	}
	return hints.ForZones[0].Name
}

// targets are the addresses behind a Service's port, in order.
func targets(of map[string]slice, port string) []discovery.Target {
	found := map[netip.AddrPort]endpoint{}
	hinted := true
	for _, s := range of {
		number, has := s.ports[port]
		if !has {
			continue
		}
		for _, e := range s.endpoints {
			hinted = hinted && (e.leaving || e.hint != "")
			// While an endpoint moves to another slice it may be in both.
			at := netip.AddrPortFrom(e.addr, number)
			if was, twice := found[at]; !twice || preferred(e, was) {
				found[at] = e
			}
		}
	}
	all := make([]discovery.Target, 0, len(found))
	for at, e := range found {
		t := discovery.Target{Addr: at, Zone: e.zone, Leaving: e.leaving}
		if hinted && e.hint != "" {
			t.Zone = e.hint
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b discovery.Target) int { return a.Addr.Compare(b.Addr) })
	return all[:min(len(all), maxTargets)]
}

// preferred decides between two entries of one address, whatever their order: one that does not leave, and then by zone.
func preferred(a, b endpoint) bool {
	if a.leaving != b.leaving {
		return b.leaving
	}
	return cmp.Or(cmp.Compare(a.zone, b.zone), cmp.Compare(a.hint, b.hint)) < 0
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
