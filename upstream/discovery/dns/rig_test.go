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

// A zone is what a name server knows: records as in a zone file, one a line. A line "name RCODE", or "name TYPE RCODE",
// has it fail. Names that it does not have do not exist. It cuts what does not fit into a packet.
type zone string

// Lines of a zone that have a name, or one type of it, answered by nothing, or by an empty answer that promises nothing.
const (
	silent   = "SILENT"
	lame     = "LAME"
	lameEDNS = "LAME+EDNS"
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

func (z zone) answer(query *miekg.Msg) *miekg.Msg {
	q := query.Question[0]
	m := new(miekg.Msg).SetReply(query)
	m.RecursionAvailable, m.Compress = true, true
	m.Rcode = miekg.RcodeNameError
	name := strings.ToLower(q.Name)
	var soa miekg.RR
	var others []miekg.RR
	for line := range strings.Lines(string(z)) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		last := f[len(f)-1]
		rcode, fails := miekg.StringToRcode[last]
		if fails || last == silent || last == lame || last == lameEDNS {
			if f[0] != name || len(f) == 3 && f[1] != miekg.TypeToString[q.Qtype] {
				continue
			}
			m.Rcode = rcode
			switch last {
			case silent:
				return nil
			case lameEDNS:
				m.SetEdns0(1232, false)
				fallthrough
			case lame:
				m.RecursionAvailable, m.Rcode = false, miekg.RcodeSuccess
			}
			return m
		}
		rr, err := miekg.NewRR(line)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", line, err))
		}
		others = append(others, rr)
		if rr.Header().Rrtype == miekg.TypeSOA {
			soa = rr
		}
	}
	for range 8 { // of a chain
		next := ""
		for _, rr := range others {
			if owner := rr.Header(); owner.Name != name {
				continue
			} else if m.Rcode = miekg.RcodeSuccess; owner.Rrtype != q.Qtype && owner.Rrtype != miekg.TypeCNAME {
				continue
			}
			m.Answer = append(m.Answer, rr)
			if c, ok := rr.(*miekg.CNAME); ok {
				next = c.Target
			}
		}
		if name = next; next == "" {
			break
		}
	}
	if soa != nil && (len(m.Answer) == 0 || m.Answer[len(m.Answer)-1].Header().Rrtype != q.Qtype) {
		m.Ns = append(m.Ns, soa)
	}
	for _, rr := range m.Answer { // what a zone has of a service's hosts in a comment's stead
		if srv, ok := rr.(*miekg.SRV); ok {
			for _, host := range others {
				if t, ok := strings.CutPrefix(host.Header().Name, "extra-"); ok && t == srv.Target {
					host = miekg.Copy(host)
					host.Header().Name = strings.ToUpper(t)
					m.Extra = append(m.Extra, host)
				}
			}
		}
	}
	return m
}

// resolver makes one that reads the files, where the servers are 127.0.0.1, 127.0.0.2 and so on, in order.
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
