package dns

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A reply is what name servers know under one name, of all types that were asked for.
type reply struct {
	answer, extra []dns.RR
	ttl           time.Duration // the least of the answer's; of empty answers, how long they may be believed
}

// query asks for the records of a name, with the search list, all types at once. It goes on to the next name of the list
// if there are none. The reply to several types may lack some of them.
func (r *Resolver) query(ctx context.Context, name string, types ...uint16) (reply, error) {
	conf := r.conf.get()
	var failure *net.DNSError
	empty := reply{ttl: maxTTL}
	for _, fqdn := range conf.names(name) {
		found := reply{ttl: maxTTL}
		for i, a := range r.askAll(ctx, conf, fqdn, types) {
			switch {
			case a.err != nil && (failure == nil || a.err.IsTemporary):
				failure = a.err
			case a.err != nil:
			case has(a.msg, types[i]):
				found.answer = append(found.answer, a.msg.Answer...)
				found.extra = append(found.extra, a.msg.Extra...)
				found.ttl = min(found.ttl, leastTTL(a.msg.Answer))
			default:
				empty.ttl = min(empty.ttl, negativeTTL(a.msg))
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
	if empty.ttl == maxTTL { // nobody was asked
		empty.ttl = 0
	}
	return empty, notFound(name)
}

type asked struct {
	msg *dns.Msg
	err *net.DNSError
}

// askAll asks for each of the types, at once unless resolv.conf says otherwise.
func (r *Resolver) askAll(ctx context.Context, conf *config, fqdn string, types []uint16) []asked {
	all := make([]asked, len(types))
	var running sync.WaitGroup
	for i, t := range types {
		running.Go(func() { all[i].msg, all[i].err = r.ask(ctx, conf, fqdn, t) })
		if conf.oneByOne {
			running.Wait()
		}
	}
	running.Wait()
	return all
}

// ask asks one server after the other, until one knows whether there is a record.
func (r *Resolver) ask(ctx context.Context, conf *config, fqdn string, qtype uint16) (*dns.Msg, *net.DNSError) {
	first := 0
	if conf.rotate {
		first = int((r.turn.Add(1) - 1) % uint32(len(conf.servers)))
	}
	var failure *net.DNSError
	tries := conf.attempts * len(conf.servers)
	for i := range tries {
		server := conf.servers[(first+i)%len(conf.servers)]
		m, err := r.exchange(ctx, share(ctx, conf.timeout, tries-i), server, conf.tcp, fqdn, qtype)
		if err == nil {
			return m, nil
		}
		// The failures that leave most open decide what becomes of the look-up.
		if err.Server = server; failure == nil || err.IsTemporary || !failure.IsTemporary {
			failure = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failure
}

// share is how long one of the tries that are left may take. They share what time there is, so that a server that is
// silent leaves some for the next one.
func share(ctx context.Context, timeout time.Duration, tries int) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(timeout, time.Until(end)/time.Duration(tries))
	}
	return timeout
}

// has tells whether a message has an answer to what it was asked. A name that does not exist has none, whatever it says.
func has(m *dns.Msg, qtype uint16) bool {
	if m.Rcode == dns.RcodeNameError {
		return false
	}
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == qtype {
			return true
		}
	}
	return false
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
