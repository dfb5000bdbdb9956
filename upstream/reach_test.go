package upstream

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

// listenUnix is listen at a unix socket.
func listenUnix(t testing.TB) *backend {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return &backend{t: t, ln: ln}
}

func TestUnixSockets(t *testing.T) {
	t.Run("tunnel", func(t *testing.T) {
		b := listenUnix(t)
		r := newRig(t, nil, b.url("unix"))
		c := r.ask(1)[0]
		if _, err := upgrade(b.plain()); err != nil {
			t.Fatal(err)
		}
		c.want("answer 101")
		if name := r.dialer.Group.Endpoints()[0].Name; name != b.url("unix") {
			t.Errorf("its name is %s", name)
		}
	})
	t.Run("pool", func(t *testing.T) {
		b := listenUnix(t)
		r := newRig(t, nil, b.url("h2c+unix"))
		c := r.ask(1)[0]
		p := b.accept()
		id := p.serve(1)[0]
		c.want("answer 101")
		echoes(t, p, c, id)
	})
	t.Run("either", func(t *testing.T) {
		b := listenUnix(t)
		r := newRig(t, nil, b.url("ws+h2c+unix"))
		c := r.ask(1)[0]
		greet(t, b.plain()).goAway(0)
		if _, err := upgrade(b.plain()); err != nil {
			t.Fatal(err)
		}
		c.want("answer 101")
	})
	t.Run("nobody there", func(t *testing.T) {
		r := newRig(t, nil, "unix:///nowhere/at.all")
		r.ask(1)[0].want("refused backend_connect_failed")
		if n := r.dialer.Group.Endpoints()[0].Stats().ConnectFailures; n != 1 {
			t.Errorf("counts as %d failures", n)
		}
	})
}

// told accepts a connection that begins with a PROXY header, which another implementation reads; TLS comes behind it.
func (b *backend) told() (*proxyproto.Header, net.Conn) {
	b.t.Helper()
	conn := proxyproto.NewConn(b.raw(), proxyproto.WithPolicy(proxyproto.REQUIRE))
	header := conn.ProxyHeader()
	if header == nil {
		b.t.Fatal("no PROXY header")
	}
	if b.tls == nil {
		return header, conn
	}
	return header, tls.Server(conn, b.tls)
}

func TestProxyHeader(t *testing.T) {
	const client, gate = "203.0.113.7:51234", "192.0.2.1:443"
	for name, c := range map[string]struct {
		secure              bool
		setting             string
		source, destination string
		want                string // version, command and addresses
	}{
		"v1":         {false, "v1", client, gate, "1 PROXY " + client + " " + gate},
		"v2":         {false, "v2", client, gate, "2 PROXY " + client + " " + gate},
		"v1 and TLS": {true, "v1", client, gate, "1 PROXY " + client + " " + gate},
		"v2 and TLS": {true, "v2", client, gate, "2 PROXY " + client + " " + gate},
		"IPv6":       {false, "v2", "[2001:db8::7]:1", "[2001:db8::1]:2", "2 PROXY [2001:db8::7]:1 [2001:db8::1]:2"},
		"nobody":     {false, "v1", "", "", "1 LOCAL"},
		"nobody, v2": {true, "v2", "", "", "2 LOCAL"},
	} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			if c.secure {
				b.tls = trusted.server("127.0.0.1")
			}
			dead := listen(t)
			dead.ln.Close()
			r := newRig(t, nil, b.url("ws")+"#proxy-protocol="+c.setting, dead.url("ws")+"#proxy-protocol="+c.setting)
			for key := range uint64(8) { // some go to the one that is not there first
				q := request()
				q.Key = key
				if c.source != "" {
					q.Source, q.Destination = netip.MustParseAddrPort(c.source), netip.MustParseAddrPort(c.destination)
				}
				client := r.newClient()
				r.do(func() { r.open(client, q) })
				header, conn := b.told()
				got := fmt.Sprint(header.Version, " LOCAL")
				if header.Command == proxyproto.PROXY && header.TransportProtocol != proxyproto.UNSPEC {
					got = fmt.Sprint(header.Version, " PROXY ", header.SourceAddr, " ", header.DestinationAddr)
				}
				if got != c.want {
					t.Fatalf("told %s, want %s", got, c.want)
				}
				if _, err := upgrade(conn); err != nil {
					t.Fatal(err)
				}
				client.want("answer 101")
			}
		})
	}
}

// A client comes back to the endpoint that its cookie names, however loaded, as long as that is well.
func TestPreferredEndpoint(t *testing.T) {
	one, two := listen(t), listen(t)
	r := newRig(t, nil, one.url("ws"), two.url("ws"))
	byHash := r.dialer.Group.First(1, nil)
	if strings.HasSuffix(byHash.Name, two.ln.Addr().String()) {
		one, two = two, one
	}
	liked := r.dialer.Group.Endpoints()[0]
	if liked == byHash {
		liked = r.dialer.Group.Endpoints()[1]
	}
	served := func(b *backend, prefer uint64) {
		t.Helper()
		c, q := r.newClient(), request()
		q.Prefer = prefer
		r.do(func() { r.open(c, q) })
		if _, err := upgrade(b.plain()); err != nil {
			t.Fatal(err)
		}
		c.want("answer 101")
	}
	for range 5 { // far beyond any bound of its load
		served(two, liked.ID())
	}
	served(one, 0)
	served(one, liked.ID()+1) // one that is gone
	if err := two.ln.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // connects fail, and then it is known
		served(one, liked.ID())
	}
	if n := liked.Stats().ConnectFailures; n != 3 || liked.Healthy() {
		t.Errorf("%d failures", n)
	}
	served(one, liked.ID())
	if n := liked.Stats().ConnectFailures; n != 3 {
		t.Errorf("it was asked though it is known to be down")
	}
}
