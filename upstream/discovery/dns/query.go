package dns

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A reply is what name servers know under a name: nothing, if there are no answers and there is no error.
type reply struct {
	answer, extra []dns.RR
	ttl           time.Duration // the least of the answer's; if there is nothing, how long that may be believed
	err           *net.DNSError
}

// query asks for the records of a name, of all the types, with the search list. It goes on to the next name of the list
// if there are none. An answer to several types may lack some of them.
func (r *Resolver) query(ctx context.Context, name string, types ...uint16) (reply, error) {
	conf := r.conf.get()
	names := conf.names(name)
	if len(names) == 0 {
		return reply{}, notFound(name)
	}
	var failure *net.DNSError
	nothing := reply{ttl: maxTTL}
	for _, fqdn := range names {
		found := reply{ttl: maxTTL}
		for _, one := range r.askAll(ctx, conf, fqdn, types) {
			failure = graver(failure, one.err)
			switch {
			case len(one.answer) > 0:
				found.answer = append(found.answer, one.answer...)
				found.extra = append(found.extra, one.extra...)
				found.ttl = min(found.ttl, one.ttl)
			case one.err == nil:
				nothing.ttl = min(nothing.ttl, one.ttl)
			}
		}
		if failure != nil && failure.IsTemporary {
			break // the name may exist, so that those behind it must not take its place
		}
		if len(found.answer) > 0 {
			return found, nil
		}
	}
	if failure != nil {
		failure.Name = name // as asked, without a suffix
		return reply{}, failure
	}
	return nothing, notFound(name)
}

// askAll asks for each of the types, at once unless resolv.conf says otherwise.
func (r *Resolver) askAll(ctx context.Context, conf *config, fqdn string, types []uint16) []reply {
	replies := make([]reply, len(types))
	var running sync.WaitGroup
	for i, t := range types {
		running.Go(func() { replies[i] = r.ask(ctx, conf, fqdn, t) })
		if conf.oneByOne {
			running.Wait()
		}
	}
	running.Wait()
	return replies
}

// ask asks one server after the other, until one knows whether there is a record.
func (r *Resolver) ask(ctx context.Context, conf *config, fqdn string, qtype uint16) reply {
	first := 0
	if conf.rotate {
		first = int((r.turn.Add(1) - 1) % uint32(len(conf.servers)))
	}
	var failure *net.DNSError
	for left := conf.attempts * len(conf.servers); left > 0 && (failure == nil || ctx.Err() == nil); left-- {
		server := conf.servers[first]
		first = (first + 1) % len(conf.servers)
		m, err := r.exchange(ctx, share(ctx, conf.timeout, left), server, conf.tcp, fqdn, qtype)
		if err == nil {
			return replyOf(m, qtype)
		}
		err.Server = server
		failure = graver(failure, err)
	}
	return reply{err: failure}
}

// graver is the failure that leaves more open, or the later one. It decides what becomes of the look-up.
func graver(before, now *net.DNSError) *net.DNSError {
	if now == nil || before != nil && before.IsTemporary && !now.IsTemporary {
		return before
	}
	return now
}

// share is how long one of the tries that are left may take. They share what time there is, so that a server that is
// silent leaves some for the next one.
func share(ctx context.Context, timeout time.Duration, tries int) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(timeout, time.Until(end)/time.Duration(tries))
	}
	return timeout
}

// replyOf is what a message says. A name that does not exist has no records, whatever comes with that.
func replyOf(m *dns.Msg, qtype uint16) reply {
	isAsked := func(rr dns.RR) bool { return rr.Header().Rrtype == qtype }
	if m.Rcode == dns.RcodeNameError || !slices.ContainsFunc(m.Answer, isAsked) {
		return reply{ttl: negativeTTL(m)}
	}
	return reply{answer: m.Answer, extra: m.Extra, ttl: leastTTL(m.Answer)}
}

// leastTTL is how long all of the records may be kept.
func leastTTL(records []dns.RR) time.Duration {
	least := maxTTL
	for _, rr := range records {
		least = min(least, ttlOf(rr.Header().Ttl))
	}
	return least
}

// ttlOf is zero for times that are not positive in 32 bits (RFC 2181, section 8).
func ttlOf(seconds uint32) time.Duration { return time.Duration(max(int32(seconds), 0)) * time.Second }

// negativeTTL is how long one may believe that there is no record (RFC 2308, section 5), perhaps behind a CNAME.
func negativeTTL(m *dns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(ttlOf(soa.Hdr.Ttl), ttlOf(soa.Minttl), leastTTL(m.Answer))
		}
	}
	return 0
}
