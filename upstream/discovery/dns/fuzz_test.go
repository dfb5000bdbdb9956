package dns_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"weir/upstream/discovery"
	"weir/upstream/discovery/dns"
)

// A canned connection answers each query by TCP with the same message, made to fit its ID and question.
type canned struct {
	net.Conn // of a pipe, for what is not implemented
	message  []byte
	unread   []byte
}

func (c *canned) Write(b []byte) (int, error) {
	m := append([]byte(nil), c.message...)
	copy(m, b[2:4]) // the ID, behind the length
	c.unread = binary.BigEndian.AppendUint16(nil, uint16(len(m)))
	c.unread = append(c.unread, m...)
	return len(b), nil
}

func (c *canned) Read(b []byte) (int, error) {
	if len(c.unread) == 0 {
		return 0, errors.New("no more")
	}
	n := copy(b, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *canned) SetDeadline(time.Time) error { return nil }

// Whatever a server says, a look-up ends with bounded answers, or with an error of the one type.
func FuzzAnswer(f *testing.F) {
	for _, z := range []zone{
		"_ws._tcp.example. 60 SRV 0 0 80 a.example.\na.example. 60 A 10.0.0.1\nextra-a.example. 60 AAAA fd00::1",
		"_ws._tcp.example. 60 CNAME b.example.\nb.example. 60 A 10.0.0.1", soa, "_ws._tcp.example. SERVFAIL", "_ws._tcp.example. LAME",
	} {
		for _, qtype := range []uint16{miekg.TypeA, miekg.TypeSRV} {
			b, err := z.answer(new(miekg.Msg).SetQuestion("_ws._tcp.example.", qtype)).Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	conf := write(f, "resolv.conf", "nameserver 127.0.0.1\noptions use-vc attempts:1")
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > 65535 {
			return
		}
		r := dns.New(dns.Options{ResolvConf: conf, Hosts: "/nowhere", Dial: func(context.Context, string, string) (net.Conn, error) {
			return &canned{Conn: nobody{}, message: message}, nil
		}})
		check := func(n int, ttl time.Duration, err error) {
			t.Helper()
			if e, ok := errors.AsType[*net.DNSError](err); err != nil && (!ok || e.Error() == "") || n > 256 || ttl < 0 || ttl > (1<<31)*time.Second {
				t.Fatal(n, ttl, err)
			}
		}
		answer, err := r.LookupIP(t.Context(), "_ws._tcp.example.", discovery.Any)
		check(len(answer.Addrs), answer.TTL, err)
		targets, ttl, err := r.LookupSRV(t.Context(), "_ws._tcp.example.", discovery.Auto)
		check(len(targets), ttl, err)
	})
}

type nobody struct{ net.Conn }

func (nobody) Close() error { return nil }
