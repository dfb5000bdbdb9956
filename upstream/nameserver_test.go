package upstream_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"weir/upstream"
	"weir/upstream/discovery/dns"
)

// nameServer answers questions of A and AAAA, and makes a resolver that asks it.
func nameServer(t *testing.T, answers map[dnsmessage.Type]func(*dnsmessage.Message, dnsmessage.ResourceHeader)) upstream.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			answers[q.Type](&m, dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1})
			if b, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	return dns.New(dns.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}})
}

// What name servers say: that there is no address, or nothing that counts.
func TestDefaultResolver(t *testing.T) {
	type reply = func(*dnsmessage.Message, dnsmessage.ResourceHeader)
	four := func(m *dnsmessage.Message, h dnsmessage.ResourceHeader) {
		m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}}}
	}
	code := func(c dnsmessage.RCode) reply {
		return func(m *dnsmessage.Message, _ dnsmessage.ResourceHeader) { m.RCode = c }
	}
	none, unknown, broken := code(dnsmessage.RCodeSuccess), code(dnsmessage.RCodeNameError), code(dnsmessage.RCodeServerFailure)
	for name, c := range map[string]struct {
		a, aaaa reply
		want    string // the members
		failing string
		kept    bool // addresses that were known before
	}{
		"an address":            {four, none, "ws://app.test.:90@10.0.0.1=10.0.0.1:90", "", true},
		"no such name":          {unknown, unknown, "", "no such host", false},
		"no address":            {none, none, "", "no such host", false},
		"one family is failing": {four, broken, "", "server misbehaving", true},
		"both are":              {broken, broken, "", "server misbehaving", true},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[dnsmessage.Type]reply{dnsmessage.TypeA: c.a, dnsmessage.TypeAAAA: c.aaaa}
			g := group(t, upstream.Options{Resolver: nameServer(t, answers)}, "ws://app.test.:90")
			l := g.Lookups()[0]
			if got := listed(g); got != c.want || !strings.Contains(l.Error, c.failing) || (l.Error == "") != (c.failing == "") {
				t.Errorf("members %q, %+v", got, l)
			}
			if c.failing != "" && upstream.SaysEmpty(nameServer(t, answers), "app.test.") == c.kept {
				t.Errorf("%s: taken for an empty answer: %v", l.Error, !c.kept)
			}
		})
	}
}
