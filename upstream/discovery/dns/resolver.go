package dns

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"weir/upstream/discovery"
)

const (
	maxAddresses = 256 // kept of one answer
	maxTTL       = (1<<31 - 1) * time.Second
)

// Options say where a Resolver's configuration is. Zeroes stand for what the system has.
type Options struct {
	ResolvConf string // "": /etc/resolv.conf
	Hosts      string // "": /etc/hosts

	// Dial connects to a name server at host:53, with the network "udp" or "tcp". nil: net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Resolver looks names up.
type Resolver struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	conf  *file[*config]
	hosts *file[hosts]
	turn  atomic.Uint32 // which server is asked first, with the option rotate
}

// New makes a Resolver. Files that are missing are no error: without resolv.conf the server is 127.0.0.1, as with libc.
func New(o Options) *Resolver {
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.Hosts == "" {
		o.Hosts = "/etc/hosts"
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return &Resolver{dial: o.Dial, conf: newFile(o.ResolvConf, parseConfig), hosts: newFile(o.Hosts, parseHosts)}
}

// An Answer is what a host name stands for.
type Answer struct {
	Addrs []netip.Addr // in order, each once
	// TTL is how long the answer may be kept: the least of all records that led to it. Beside an error with IsNotFound,
	// it is how long that may be believed (RFC 2308), 0 if the server does not say.
	TTL time.Duration
}

// LookupIP finds the addresses of a host. A literal address is returned as it is. A name with a dot at its end is not
// tried with the search list.
func (r *Resolver) LookupIP(ctx context.Context, host string, family discovery.Family) (Answer, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return Answer{Addrs: []netip.Addr{addr}, TTL: maxTTL}, nil
	}
	if found := r.hosts.get().lookup(host); len(found) > 0 {
		return answerOf(host, found, family, recheck)
	}
	found, err := r.query(ctx, host, typesOf(family)...)
	if err != nil {
		return Answer{TTL: found.ttl}, err
	}
	return answerOf(host, addresses(found.answer), family, found.ttl)
}

// addresses are those that the records hold. They may stand at the end of a chain of CNAMEs: servers that resolve
// recursively answer with the whole chain.
func addresses(records []dns.RR) (all []netip.Addr) {
	for _, rr := range records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			all = append(all, addr)
		}
	}
	return all
}

// typesOf are the records to ask for.
func typesOf(f discovery.Family) []uint16 {
	switch f {
	case discovery.IPv4:
		return []uint16{dns.TypeA}
	case discovery.IPv6:
		return []uint16{dns.TypeAAAA}
	}
	return []uint16{dns.TypeA, dns.TypeAAAA}
}

// answerOf makes an answer of the addresses that count.
func answerOf(host string, found []netip.Addr, family discovery.Family, ttl time.Duration) (Answer, error) {
	var usable []netip.Addr
	for _, a := range found {
		if a.IsValid() && a.Zone() == "" {
			usable = append(usable, a.Unmap())
		}
	}
	addrs := discovery.Choose(family, usable, func(a netip.Addr) netip.Addr { return a })
	if len(addrs) == 0 {
		return Answer{TTL: ttl}, notFound(host)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	// Cut after sorting, so that everyone who asks keeps the same ones.
	return Answer{Addrs: addrs[:min(len(addrs), maxAddresses)], TTL: ttl}, nil
}

// notFound is the error for a name without records; its text is that of package net.
func notFound(name string) *net.DNSError {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
