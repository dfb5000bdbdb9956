package gateway_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"weir/gateway/admin"
	"weir/gateway/config"
	"weir/upstream"
	"weir/upstream/discovery/dns"
)

// serveZone is a name server that the gateways of this test ask: it answers with the records that zone has, one a line.
func serveZone(t *testing.T, zone *atomic.Value) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &miekg.Server{PacketConn: conn, Handler: miekg.HandlerFunc(func(w miekg.ResponseWriter, query *miekg.Msg) {
		m := new(miekg.Msg).SetRcode(query, miekg.RcodeNameError)
		m.RecursionAvailable = true
		for line := range strings.Lines(zone.Load().(string)) {
			rr, err := miekg.NewRR(line)
			if err != nil {
				panic(err)
			}
			if h := rr.Header(); strings.EqualFold(h.Name, query.Question[0].Name) {
				if m.Rcode = miekg.RcodeSuccess; h.Rrtype == query.Question[0].Qtype {
					m.Answer = append(m.Answer, rr)
				}
			}
		}
		_ = w.WriteMsg(m)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.ActivateAndServe()
	}()
	was := upstream.DefaultResolver
	upstream.DefaultResolver = dns.New(dns.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}})
	t.Cleanup(func() {
		upstream.DefaultResolver = was
		_ = conn.Close()
		<-ended
	})
}

// wantEndpoint waits until the gateway has just the one whose name ends so.
func wantEndpoint(t *testing.T, g *rig, suffix string) {
	t.Helper()
	var list []admin.Endpoint
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		wantJSON(t, g, "/endpoints", &list)
		if len(list) == 1 && strings.HasSuffix(list[0].Endpoint, suffix) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("endpoints %+v, want one with %s", list, suffix)
		}
	}
}

// begin opens a session that has to come to b.
func begin(t *testing.T, g *rig, b *backend) (client, server *peer) {
	t.Helper()
	client = connect(t, g)
	client.write(handshake("/"))
	server = b.accept()
	server.upgrade()
	client.wantStatus(101)
	return client, server
}

func addrOf(b *backend) string { return strings.TrimPrefix(b.url(), "ws://") }

// TestSRVRecords: sessions go where the records lead, and stay there when the records lead elsewhere. Not parallel: others look
// names up too.
func TestSRVRecords(t *testing.T) {
	first, second := listen(t), listen(t)
	var zone atomic.Value
	lead := func(b *backend) {
		_, port, _ := net.SplitHostPort(addrOf(b))
		zone.Store(fmt.Sprintf("_ws._tcp.chat.test. 1 SRV 10 5 %s b.chat.test.\nb.chat.test. 1 A 127.0.0.1\n", port))
	}
	lead(first)
	serveZone(t, &zone)
	g := start(t, nil, "ws+srv://_ws._tcp.chat.test")
	wantEndpoint(t, g, "@"+addrOf(first))
	client, server := begin(t, g, first)
	talk(client, server)
	lead(second)
	wantEndpoint(t, g, "@"+addrOf(second))
	other, there := begin(t, g, second)
	talk(other, there)
	talk(client, server)

	zone.Store("") // there is no such name: the last set stays
	for end := time.Now().Add(patience); metric(t, g, `weir_lookup_failing{host="_ws._tcp.chat.test"}`) != 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no look-up fails")
		}
	}
	begin(t, g, second)
}

// TestUpstreamFile: a backend that the file lists gets sessions, one that it lists no more keeps those it has.
func TestUpstreamFile(t *testing.T) {
	t.Parallel()
	first, second := listen(t), listen(t)
	file := filepath.Join(t.TempDir(), "backends.yaml")
	lists := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lists("- " + first.url())
	var text logs
	g := startLogging(t, &text, func(cfg *config.Config) { cfg.UpstreamFile = []string{file} })
	wantEndpoint(t, g, first.url())
	client, server := begin(t, g, first)
	lists("- " + second.url())
	wantEndpoint(t, g, second.url())
	other, there := begin(t, g, second)
	talk(other, there)
	talk(client, server)

	lists("- nonsense")
	wantLine(t, &text, `level=WARN msg="lookup of backends failed.*" host=`+file+` route=default addrs=\[`+second.url()+`\] error=".*no scheme`)
	wantMetric(t, g, `weir_lookup_failing{host="`+file+`"}`, 1)
	begin(t, g, second)
}
