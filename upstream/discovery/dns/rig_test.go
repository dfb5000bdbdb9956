package dns_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"weir/upstream/discovery/dns"
)

// A zone is what a name server knows: records as in a zone file, one a line. The names that it does not have do not exist.
//
//	extra-HOST TTL TYPE ADDRESS   goes into the additional section of answers that name the host, and nowhere else
//	NAME FAILURE                  has all questions for the name fail, by a code such as SERVFAIL or as below
//	NAME TYPE FAILURE             has those for one type fail
type zone string

const (
	silent   = "SILENT"    // there is no answer
	lame     = "LAME"      // the answer is empty, by a server that resolves nothing
	lameEDNS = "LAME+EDNS" // so is this one, but for an OPT record
)

// A nameServer answers by UDP and TCP at one port.
type nameServer struct {
	zone zone
	addr string

	mu    sync.Mutex
	asked []string // "name type network", in lower case
}

// serve starts a name server; it does so until the test ends.
func serve(t testing.TB, z zone) *nameServer {
	t.Helper()
	s := &nameServer{zone: z}
	var tcp net.Listener
	var udp net.PacketConn
	for range 10 { // the other network may have the port in use
		var err error
		if tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			break
		}
		_ = tcp.Close()
	}
	if udp == nil {
		t.Fatal("no port is free for both UDP and TCP")
	}
	s.addr = tcp.Addr().String()
	for _, server := range []*miekg.Server{{Listener: tcp, Handler: s}, {PacketConn: udp, Handler: s}} {
		started, ended := make(chan struct{}), make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(ended)
			_ = server.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() {
			_ = server.Shutdown()
			<-ended
		})
	}
	return s
}

// refuse is a server that is not there: nobody listens at its port.
func refuse(t testing.TB) *nameServer {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	return &nameServer{addr: udp.LocalAddr().String()}
}

func (s *nameServer) ServeDNS(w miekg.ResponseWriter, query *miekg.Msg) {
	q := query.Question[0]
	network := w.RemoteAddr().Network()
	s.mu.Lock()
	s.asked = append(s.asked, strings.ToLower(q.Name)+" "+miekg.TypeToString[q.Qtype]+" "+network)
	s.mu.Unlock()
	m := s.zone.answer(query)
	if m == nil {
		return
	}
	if opt := query.IsEdns0(); opt != nil && network == "udp" {
		m.Truncate(int(opt.UDPSize()))
	}
	_ = w.WriteMsg(m)
}

// questions are what was asked so far, sorted, as "name type network".
func (s *nameServer) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.asked))
}

// answer is nil where there is none.
func (z zone) answer(query *miekg.Msg) *miekg.Msg {
	q := query.Question[0]
	q.Name = strings.ToLower(q.Name)
	m := new(miekg.Msg).SetReply(query)
	m.RecursionAvailable, m.Compress = true, true
	var records []miekg.RR
	for line := range strings.Lines(string(z)) {
		f := strings.Fields(line)
		failure := f[len(f)-1]
		rcode, fails := miekg.StringToRcode[failure]
		if !fails && failure != silent && failure != lame && failure != lameEDNS {
			rr, err := miekg.NewRR(line)
			if err != nil {
				panic(fmt.Sprintf("%s: %v", line, err))
			}
			records = append(records, rr)
			continue
		}
		if f[0] != q.Name || len(f) == 3 && f[1] != miekg.TypeToString[q.Qtype] {
			continue
		}
		switch m.Rcode = rcode; failure {
		case silent:
			return nil
		case lameEDNS:
			m.SetEdns0(1232, false)
			fallthrough
		case lame:
			m.RecursionAvailable = false
		}
		return m
	}
	fill(m, q, records)
	return m
}

// fill answers the question by the records, along a chain of CNAMEs, with the SOA record where the chain comes to nothing.
func fill(m *miekg.Msg, q miekg.Question, records []miekg.RR) {
	m.Rcode = miekg.RcodeNameError
	for name := q.Name; name != ""; {
		next := ""
		for _, rr := range records {
			h := rr.Header()
			if h.Name != name {
				continue
			}
			m.Rcode = miekg.RcodeSuccess
			if c, ok := rr.(*miekg.CNAME); ok {
				next = c.Target
			} else if h.Rrtype != q.Qtype {
				continue
			}
			m.Answer = append(m.Answer, rr)
		}
		name = next
	}
	empty := len(m.Answer) == 0 || m.Answer[len(m.Answer)-1].Header().Rrtype != q.Qtype
	for _, rr := range records {
		if empty && rr.Header().Rrtype == miekg.TypeSOA {
			m.Ns = append(m.Ns, rr)
		}
		host, extra := strings.CutPrefix(rr.Header().Name, "extra-")
		named := func(rr miekg.RR) bool { srv, ok := rr.(*miekg.SRV); return ok && srv.Target == host }
		if extra && slices.ContainsFunc(m.Answer, named) {
			rr = miekg.Copy(rr)
			rr.Header().Name = strings.ToUpper(host)
			m.Extra = append(m.Extra, rr)
		}
	}
}

// resolver makes a Resolver of the two files. Its servers are at 127.0.0.1, 127.0.0.2 and so on.
func resolver(t testing.TB, conf, hosts string, servers ...*nameServer) *dns.Resolver {
	t.Helper()
	return dns.New(dns.Options{
		ResolvConf: write(t, "resolv.conf", conf), Hosts: write(t, "hosts", hosts), Dial: dialer(addrsOf(servers))})
}

func addrsOf(servers []*nameServer) (addrs []string) {
	for _, s := range servers {
		addrs = append(addrs, s.addr)
	}
	return addrs
}

// dialer leads 127.0.0.1:53 to the first of the addresses, 127.0.0.2:53 to the second, and so on.
func dialer(addrs []string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		for i, addr := range addrs {
			if address == fmt.Sprintf("127.0.0.%d:53", i+1) {
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
		}
		return nil, fmt.Errorf("there is no name server at %s", address)
	}
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// within is a context for look-ups that are to succeed, or to fail by themselves.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
