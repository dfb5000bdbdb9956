package gateway_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// These run a gateway, its clients and its backends in one process, so that a profile shows the gateway's part. What it
// costs apart from them is held to bounds in internal/regress.

const benched = 125 // bytes of a message

// benchWays are the ways to a backend and what may be looked at on them. No check objects.
var benchWays = []struct {
	name   string
	way    string
	change func(testing.TB, *config.Config)
}{
	{"tunnel", "tunnel", nil},
	{"pool", "pool", nil},
	{"tunnel-checked", "tunnel", checkAll},
	{"pool-checked", "pool", checkAll},
	{"tunnel-TLS", "TLS", nil},
	{"pool-TLS", "pool over TLS", nil},
}

func checkAll(t testing.TB, cfg *config.Config) {
	ample := limit(t, "10000000/s")
	cfg.ValidateUTF8, cfg.MaxMessageSize, cfg.MaxFrameSize = true, 1<<20, 1<<20
	cfg.MessageRate, cfg.MessageRateIP, cfg.MessageRateRoute, cfg.ByteRate = ample, ample, ample, limit(t, "1GiB/s")
}

// benchRig is a gateway whose backend answers each message with one of its own.
type benchRig struct {
	*rig
	up    []byte
	down  []byte
	peers chan *peer // the backend's end of each session
}

func startBench(b *testing.B, way string, change func(testing.TB, *config.Config)) *benchRig {
	payload := []byte(strings.Repeat("w", benched))
	r := &benchRig{
		up:    (&peer{client: true}).encode(ws.NewTextFrame(payload)),
		down:  new(peer).encode(ws.NewTextFrame(payload)),
		peers: make(chan *peer, 4096),
	}
	r.rig = startWay(b, way, func(cfg *config.Config) {
		if change != nil {
			change(b, cfg)
		}
	})
	r.back.serve(func(p *peer) {
		p.upgrade()
		r.peers <- p
		r.reply(p.conn)
	})
	return r
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

// begin upgrades a client, and returns both ends of its session.
func (r *benchRig) begin() (client, server net.Conn) {
	p := r.open(r.overTLS)
	p.write(handshake("/"))
	p.wantStatus(101)
	_ = p.conn.SetDeadline(time.Time{})
	return p.conn, (<-r.peers).conn
}

func BenchmarkSession(b *testing.B) {
	for _, w := range benchWays {
		b.Run(w.name, func(b *testing.B) {
			r := startBench(b, w.way, w.change)
			client, _ := r.begin()
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
			r := startBench(b, w.way, w.change)
			var clients, servers [n]net.Conn
			for i := range n {
				clients[i], servers[i] = r.begin()
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
			r := startBench(b, w.way, w.change)
			b.ReportAllocs()
			for b.Loop() {
				client, _ := r.begin()
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
				r := startBench(b, w.way, func(_ testing.TB, cfg *config.Config) { cfg.DrainTimeout = 40 * time.Millisecond })
				for range n {
					client, _ := r.begin()
					go func() { // it answers with its own close frame
						_, _ = io.CopyN(io.Discard, client, 4)
						_, _ = client.Write((&peer{client: true}).encode(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, ""))))
						_, _ = io.Copy(io.Discard, client)
						_ = client.Close()
					}()
				}
				b.StartTimer()
				r.Drain()
				if err := r.Wait(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/session")
		})
	}
}
