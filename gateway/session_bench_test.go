package gateway_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/config"
	"weir/upstream/accept"
)

// These run a gateway, its clients and its backends in one process, so that a profile shows the gateway's part. What it
// costs apart from them is held to bounds in internal/regress.

const benched = 125 // bytes of a message

// benchWays are the ways to a backend and what may be looked at on them. No check objects.
var benchWays = []struct {
	name      string
	pool, tls bool
	change    func(testing.TB, *config.Config)
}{
	{"tunnel", false, false, nil},
	{"pool", true, false, nil},
	{"tunnel-checked", false, false, checkAll},
	{"pool-checked", true, false, checkAll},
	{"tunnel-TLS", false, true, nil},
	{"pool-TLS", true, true, nil},
}

func checkAll(t testing.TB, cfg *config.Config) {
	ample := limit(t, "10000000/s")
	cfg.ValidateUTF8, cfg.MaxMessageSize, cfg.MaxFrameSize = true, 1<<20, 1<<20
	cfg.MessageRate, cfg.MessageRateIP, cfg.MessageRateRoute, cfg.ByteRate = ample, ample, ample, limit(t, "1GiB/s")
}

// benchRig is a gateway whose backend answers each message with one of its own.
type benchRig struct {
	b     testing.TB
	g     *gateway.Gateway
	edge  *edge // nil in clear
	up    []byte
	down  []byte
	peers chan net.Conn // the backend's end of each session
}

func startBench(b *testing.B, pool, tls bool, change func(testing.TB, *config.Config)) *benchRig {
	r := &benchRig{b: b, peers: make(chan net.Conn, 4096)}
	payload := []byte(strings.Repeat("w", benched))
	r.up = (&peer{client: true}).encode(ws.NewTextFrame(payload))
	r.down = new(peer).encode(ws.NewTextFrame(payload))
	url := r.tunnels()
	if pool {
		url = r.pooled()
	}
	configure := func(cfg *config.Config) {
		if change != nil {
			change(b, cfg)
		}
	}
	if tls {
		r.edge = startEdge(b, configure, url)
		r.g = r.edge.Gateway
	} else {
		r.g = start(b, configure, url)
	}
	return r
}

// tunnels is a backend of one connection a session.
func (r *benchRig) tunnels() string {
	back := listen(r.b)
	go func() {
		for {
			conn, err := back.ln.Accept()
			if err != nil {
				return
			}
			go func() {
				p := newPeer(r.b, conn, false)
				p.upgrade()
				r.peers <- conn
				r.reply(conn)
			}()
		}
	}()
	return back.url()
}

// pooled is one of RFC 8441.
func (r *benchRig) pooled() string {
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.b.Fatal(err)
	}
	r.b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if conn.(*accept.Conn).Respond(nil) == nil {
					r.peers <- conn
					r.reply(conn)
				}
			}()
		}
	}()
	return "h2c://" + l.Addr().String()
}

// reply answers messages until the end, and a close frame with the end.
func (r *benchRig) reply(conn net.Conn) {
	defer conn.Close()
	in := make([]byte, len(r.up))
	for {
		if _, err := io.ReadFull(conn, in[:2]); err != nil || in[0]&0xf == byte(ws.OpClose) {
			return
		}
		if _, err := io.ReadFull(conn, in[2:]); err != nil {
			return
		}
		if _, err := conn.Write(r.down); err != nil {
			return
		}
	}
}

// open upgrades a client, and returns both ends of its session.
func (r *benchRig) open() (client, server net.Conn) {
	if r.edge != nil {
		s := r.edge.secure()
		s.write(handshake("/"))
		s.wantStatus(101)
		client = s.tls
	} else {
		p := connect(r.b, r.g)
		p.write(handshake("/"))
		p.wantStatus(101)
		client = p.conn
	}
	server = <-r.peers
	_ = client.SetDeadline(time.Time{})
	return client, server
}

func BenchmarkSession(b *testing.B) {
	for _, w := range benchWays {
		b.Run(w.name, func(b *testing.B) {
			r := startBench(b, w.pool, w.tls, w.change)
			client, _ := r.open()
			in := make([]byte, len(r.down))
			b.SetBytes(benched)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Write(r.up); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(client, in); err != nil {
					b.Fatal(err)
				}
			}
			_ = client.Close()
		})
	}
}

// BenchmarkFanOut has the backend send a message to each of a hundred clients at once.
func BenchmarkFanOut(b *testing.B) {
	for _, w := range benchWays {
		b.Run(w.name, func(b *testing.B) {
			const n = 100
			r := startBench(b, w.pool, w.tls, w.change)
			var clients, servers [n]net.Conn
			for i := range n {
				clients[i], servers[i] = r.open()
			}
			in := make([]byte, len(r.down))
			b.ReportAllocs()
			for b.Loop() {
				for _, s := range servers {
					if _, err := s.Write(r.down); err != nil {
						b.Fatal(err)
					}
				}
				for _, c := range clients {
					if _, err := io.ReadFull(c, in); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/client")
			for _, c := range clients {
				_ = c.Close()
			}
		})
	}
}

// BenchmarkHandshake opens a session from the connect on, and closes it.
func BenchmarkHandshake(b *testing.B) {
	for _, w := range benchWays {
		b.Run(w.name, func(b *testing.B) {
			r := startBench(b, w.pool, w.tls, w.change)
			b.ReportAllocs()
			for b.Loop() {
				client, _ := r.open()
				_ = client.Close()
			}
		})
	}
}

// BenchmarkDrain closes two hundred sessions in one stroke, which a drain otherwise spreads.
func BenchmarkDrain(b *testing.B) {
	for _, w := range benchWays[:2] {
		b.Run(w.name, func(b *testing.B) {
			const n = 200
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				r := startBench(b, w.pool, false, func(_ testing.TB, cfg *config.Config) { cfg.DrainTimeout = 40 * time.Millisecond })
				for range n {
					client, _ := r.open()
					go func() { // it answers with its own close frame
						_, _ = io.CopyN(io.Discard, client, 4)
						_, _ = client.Write((&peer{client: true}).encode(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, ""))))
						_, _ = io.Copy(io.Discard, client)
						_ = client.Close()
					}()
				}
				b.StartTimer()
				r.g.Drain()
				if err := r.g.Wait(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/session")
		})
	}
}
