package dns_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"weir/upstream/discovery"
)

// answering is a name server by UDP that sends all that the function makes of a query.
func answering(t *testing.T, answer func(query *miekg.Msg) [][]byte) *nameServer {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			query := new(miekg.Msg)
			if query.Unpack(buf[:n]) != nil {
				continue
			}
			for _, packet := range answer(query) {
				_, _ = udp.WriteTo(packet, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = udp.Close()
		<-ended
	})
	return &nameServer{addr: udp.LocalAddr().String()}
}

func TestPacketsThatAreNoAnswer(t *testing.T) {
	const good = "a.example. 60 A 10.0.0.1\na.example. 60 A 10.0.0.2"
	packet := func(query *miekg.Msg, change func(*miekg.Msg)) []byte {
		m := zone(good).answer(query)
		change(m)
		b, err := m.Pack()
		if err != nil {
			panic(err)
		}
		return b
	}
	whole := func(*miekg.Msg) {}
	for name, c := range map[string]struct {
		packets func(query *miekg.Msg) [][]byte
		want    string // "": addresses
	}{
		"forged": {func(q *miekg.Msg) [][]byte {
			return [][]byte{
				packet(q, func(m *miekg.Msg) { m.Id++; m.Rcode = miekg.RcodeNameError }),
				packet(q, func(m *miekg.Msg) { m.Response = false; m.Answer = nil }),
				packet(q, func(m *miekg.Msg) { m.Question[0].Name = "b.example."; m.Answer = nil }),
				packet(q, func(m *miekg.Msg) { m.Question[0].Qtype = miekg.TypeMX; m.Answer = nil }),
				packet(q, func(m *miekg.Msg) { m.Question = nil; m.Rcode = miekg.RcodeNameError }),
				packet(q, whole)[:11],
				{},
				packet(q, whole),
			}
		}, ""},
		"question in other letters": {func(q *miekg.Msg) [][]byte {
			return [][]byte{packet(q, func(m *miekg.Msg) { m.Question[0].Name = "A.EXAMPLE." })}
		}, ""},
		"cut within a record": {func(q *miekg.Msg) [][]byte { b := packet(q, whole); return [][]byte{b[:len(b)-2]} }, "overflow"},
		"cut between records": {func(q *miekg.Msg) [][]byte { b := packet(q, whole); b[7]++; return [][]byte{b} }, "fewer records"},
		"a failure, no question": {func(q *miekg.Msg) [][]byte {
			return [][]byte{packet(q, func(m *miekg.Msg) { m.Question, m.Answer, m.Rcode = nil, nil, miekg.RcodeFormatError })}
		}, "FORMERR"},
		"a code of EDNS": {func(q *miekg.Msg) [][]byte {
			return [][]byte{packet(q, func(m *miekg.Msg) { m.SetEdns0(1232, false).Rcode = miekg.RcodeBadVers })}
		}, "misbehaving"},
		"truncated, no TCP": {func(q *miekg.Msg) [][]byte { return [][]byte{packet(q, func(m *miekg.Msg) { m.Truncated = true })} }, "refused"},
		"truncated within records": {func(q *miekg.Msg) [][]byte {
			b := packet(q, func(m *miekg.Msg) { m.Truncated = true })
			return [][]byte{b[:len(b)-2]}
		}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, err := resolver(t, "nameserver 127.0.0.1", "", answering(t, c.packets)).LookupIP(within(t), "a.example.", discovery.IPv4)
			if c.want == "" {
				if err != nil || len(answer.Addrs) != 2 {
					t.Errorf("%v, %v", answer, err)
				}
				return
			}
			e, ok := errors.AsType[*net.DNSError](err)
			if !ok || e.IsNotFound || !strings.Contains(err.Error(), c.want) || e.Server != "127.0.0.1:53" {
				t.Errorf("%v, %v; want %s", answer, err, c.want)
			}
		})
	}
}

// A name that does not exist has no address, whatever else the answer says.
func TestNoNameWithAddress(t *testing.T) {
	s := answering(t, func(q *miekg.Msg) [][]byte {
		m := zone("a.example. 60 A 10.0.0.1").answer(q)
		m.Rcode = miekg.RcodeNameError
		b, _ := m.Pack()
		return [][]byte{b}
	})
	answer, err := resolver(t, "nameserver 127.0.0.1", "", s).LookupIP(within(t), "a.example.", discovery.IPv4)
	if e, ok := errors.AsType[*net.DNSError](err); !ok || !e.IsNotFound {
		t.Errorf("%v, %v", answer, err)
	}
}

// A failure outranks an empty answer, under whichever name of the search list: what was known may well still be true.
func TestFailureOutranksEmptyAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		zones []zone
		want  string
	}{
		"of one family":            {[]zone{soa + "a.one.example. A REFUSED"}, "REFUSED"},
		"of the first name":        {[]zone{soa + "a.one.example. REFUSED"}, "REFUSED"},
		"of the last name":         {[]zone{soa + "a. REFUSED"}, "REFUSED"},
		"and a refusal, at second": {[]zone{"a.one.example. SERVFAIL", "a.one.example. REFUSED\na. 60 A 10.0.0.1"}, "SERVFAIL"},
	} {
		var servers []*nameServer
		for _, z := range c.zones {
			servers = append(servers, serve(t, z))
		}
		conf := "nameserver 127.0.0.1\nnameserver 127.0.0.2\nsearch one.example"
		if len(servers) == 1 {
			conf = "nameserver 127.0.0.1\nsearch one.example"
		}
		answer, err := resolver(t, conf, "", servers...).LookupIP(within(t), "a", discovery.Any)
		if e, ok := errors.AsType[*net.DNSError](err); !ok || e.IsNotFound || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

// A server that is silent leaves the next one enough of the time.
func TestSilentServerLeavesTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	r := resolver(t, "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:30", "", serve(t, "a.example. SILENT"), serve(t, "a.example. 60 A 10.0.0.1"))
	if answer, err := r.LookupIP(ctx, "a.example.", discovery.Any); err != nil || len(answer.Addrs) != 1 {
		t.Errorf("%v, %v", answer, err)
	}
}

// A look-up ends with its context, and leaves nothing behind (see TestMain).
func TestContextEndsLookup(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{}, 2)
	s := answering(t, func(*miekg.Msg) [][]byte { asked <- struct{}{}; return nil })
	failed := make(chan error)
	go func() {
		_, err := resolver(t, "nameserver 127.0.0.1\noptions timeout:30 attempts:5", "", s).LookupIP(ctx, "a.example.", discovery.Any)
		failed <- err
	}()
	<-asked
	<-asked
	cancel()
	start := time.Now()
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "i/o timeout") || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// The first server is another one at each question.
func TestRotate(t *testing.T) {
	one, two := serve(t, "a.example. 60 A 10.0.0.1"), serve(t, "a.example. 60 A 10.0.0.1")
	r := resolver(t, "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions rotate", "", one, two)
	for range 6 {
		if _, err := r.LookupIP(within(t), "a.example.", discovery.IPv4); err != nil {
			t.Fatal(err)
		}
	}
	if len(one.questions()) != 3 || len(two.questions()) != 3 {
		t.Errorf("%d and %d", len(one.questions()), len(two.questions()))
	}
}
