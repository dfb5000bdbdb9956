package dns

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"weir/upstream/discovery"
)

const (
	maxTargets = 256 // of a service
	maxLookups = 8   // of its hosts, at once
)

// LookupSRV finds out at which addresses a service is, such as _ws._tcp.chat.example.com, and how long that may be kept. The
// service may say that it is nowhere (RFC 2782, target "."): that is no error, and no target. Hosts without an address are
// left out. If a host's look-up fails, so does the service's.
//
// Each address of a host has the record's weight. Zero is to be taken as the least weight there is.
func (r *Resolver) LookupSRV(ctx context.Context, name string, family discovery.Family) ([]discovery.Target, time.Duration, error) {
	found, err := r.query(ctx, name, dns.TypeSRV)
	if err != nil {
		return nil, found.ttl, err
	}
	records := services(found.answer)
	if len(records) == 0 {
		return nil, found.ttl, nil
	}
	at, err := r.addressesOf(ctx, records, found.extra, family)
	if err != nil {
		return nil, 0, err
	}
	ttl := found.ttl
	var targets []discovery.Target
	for _, rr := range records {
		a := at[rr.Target]
		for _, addr := range a.Addrs {
			ttl = min(ttl, a.TTL)
			targets = append(targets, discovery.Target{
				Addr: netip.AddrPortFrom(addr, rr.Port), Weight: int(rr.Weight), Priority: int(rr.Priority),
			})
		}
	}
	if len(targets) == 0 {
		return nil, ttl, notFound(name)
	}
	return bounded(targets), ttl, nil
}

// services are the records that name a host, in an order that does not depend on the server's, up to the limit.
func services(answer []dns.RR) (all []*dns.SRV) {
	for _, rr := range answer {
		if srv, ok := rr.(*dns.SRV); ok && srv.Target != "." && srv.Port != 0 {
			srv.Target = dns.CanonicalName(srv.Target)
			all = append(all, srv)
		}
	}
	slices.SortFunc(all, func(a, b *dns.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Port, b.Port))
	})
	return all[:min(len(all), maxTargets)]
}

// bounded are the targets up to the limit, by priority and address. What is there twice counts where it is used first.
func bounded(targets []discovery.Target) []discovery.Target {
	slices.SortFunc(targets, func(a, b discovery.Target) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Weight, a.Weight))
	})
	targets = slices.CompactFunc(targets, func(a, b discovery.Target) bool { return a.Addr == b.Addr })
	slices.SortStableFunc(targets, func(a, b discovery.Target) int { return cmp.Compare(a.Priority, b.Priority) })
	return targets[:min(len(targets), maxTargets)]
}

// addressesOf finds the addresses of each record's host: in the hosts file, in the answer's additional section, or by
// asking for them.
func (r *Resolver) addressesOf(ctx context.Context, records []*dns.SRV, extra []dns.RR, family discovery.Family) (map[string]Answer, error) {
	known := byOwner(extra)
	at := make(map[string]Answer, len(records))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // guards at and failure
	var failure error
	var running sync.WaitGroup
	slots := make(chan struct{}, maxLookups)
	for i, rr := range records {
		host := rr.Target
		if slices.ContainsFunc(records[:i], func(before *dns.SRV) bool { return before.Target == host }) {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			a, err := r.addressesOfHost(ctx, host, known[host], family)
			mu.Lock()
			defer mu.Unlock()
			at[host] = a
			if e, ok := errors.AsType[*net.DNSError](err); failure == nil && err != nil && !(ok && e.IsNotFound) {
				failure = err
				cancel()
			}
		})
	}
	running.Wait()
	return at, failure
}

// addressesOfHost takes what an additional section says of a host, if that is all that is wanted.
func (r *Resolver) addressesOfHost(ctx context.Context, host string, known []dns.RR, family discovery.Family) (Answer, error) {
	complete := len(known) > 0
	for _, t := range typesOf(family) {
		is := slices.ContainsFunc(known, func(rr dns.RR) bool { return rr.Header().Rrtype == t })
		if family != discovery.Any && t == dns.TypeA && is {
			break // no other counts
		}
		complete = complete && is
	}
	if complete && len(r.hosts.get().lookup(host)) == 0 {
		return answerOf(host, addresses(known), family, leastTTL(known))
	}
	return r.LookupIP(ctx, host, family)
}

func byOwner(records []dns.RR) map[string][]dns.RR {
	owners := make(map[string][]dns.RR)
	for _, rr := range records {
		owner := dns.CanonicalName(rr.Header().Name)
		owners[owner] = append(owners[owner], rr)
	}
	return owners
}
