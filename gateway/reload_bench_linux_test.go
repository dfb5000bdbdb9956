package gateway_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/gateway"
	"weir/gateway/config"
	"weir/upstream/accept"
)

// manyRoutes is a file of routes with three backends each, of which some are others in another version.
func manyRoutes(scheme, port string, routes, changed, version int) string {
	var b strings.Builder
	b.WriteString(strings.Replace(strings.TrimPrefix(reloadBase, "\n"), "loops: 2", "loops: 1", 1) + "listen: 127.0.0.1:0\nconnect-retries: 0\nroutes:\n")
	for i := range routes {
		v := 0
		if i < changed {
			v = version
		}
		fmt.Fprintf(&b, "- name: route-%d\n  match: {host: h%d.test, path-prefix: /p%d}\n  idle-timeout: 5m\n  upstream:\n", i, i%100, i)
		for j := range 3 {
			fmt.Fprintf(&b, "  - %s://127.%d.%d.%d:%s\n", scheme, 1+v, i/200, 1+i%200+j, port)
		}
	}
	return b.String()
}

// everywhere is all of 127.0.0.0/8.
const everywhere = "0.0.0.0:0"

// streaming is backends of HTTP/2 that give no answers.
func streaming(b *testing.B) net.Addr {
	l, err := accept.Listen("tcp", everywhere)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return l.Addr()
}

// refusing is backends that close each connection at once.
func refusing(b *testing.B) net.Addr {
	l, err := net.Listen("tcp", everywhere)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return l.Addr()
}

// visitAll asks every route for a session, so that the loop has a lane of each.
func visitAll(t testing.TB, g *rig, routes int) {
	for i := range routes {
		p := connect(t, g)
		p.write(handshakeFor(fmt.Sprintf("h%d.test", i%100), fmt.Sprintf("/p%d", i)))
		p.head()
		_ = p.conn.Close()
	}
}

// BenchmarkReload puts another file with a thousand routes of three backends each into force, which differs in one route or
// in all. cpu-ms/op is the processor time of a reload, all in all; held-µs the longest time that a loop spent on a task.
func BenchmarkReload(b *testing.B) {
	const routes = 1000
	for scheme, listen := range map[string]func(b *testing.B) net.Addr{"ws": refusing, "h2c": streaming} {
		_, port, _ := net.SplitHostPort(listen(b).String())
		for _, changed := range []int{1, routes} {
			b.Run(fmt.Sprintf("%s/changed=%d", scheme, changed), func(b *testing.B) {
				var files [2]string
				for v := range files {
					files[v] = filepath.Join(b.TempDir(), "weir.yaml")
					if err := os.WriteFile(files[v], []byte(manyRoutes(scheme, port, routes, changed, v)), 0o600); err != nil {
						b.Fatal(err)
					}
				}
				g := startReloadingWith(b, "upstream: ws://127.0.0.1:9", func(c *config.Config) { c.Loops = 1 })
				reload := func(n int) {
					cfg, err := config.Load([]string{"--config", files[n%2]}, nil)
					if err != nil {
						b.Fatal(err)
					}
					g.next.Store(cfg)
					if _, err := g.Reload(); err != nil {
						b.Fatal(err)
					}
				}
				reload(1)
				settle := func() {
					if scheme == "h2c" { // pools have lanes without sessions, too
						wantMetric(b, g, "weir_pool_connections", 3*routes)
						return
					}
					visitAll(b, g, routes)
				}
				settle()
				before := processTime()
				for n := 0; b.Loop(); n++ {
					reload(n)
				}
				b.ReportMetric(float64((processTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
				var longest time.Duration
				for n := range 6 {
					settle()
					stop := gateway.WatchTurns(g.Gateway)
					reload(b.N + n)
					time.Sleep(50 * time.Millisecond) // what is given up is closed later
					longest = max(longest, stop())
				}
				b.ReportMetric(float64(longest.Microseconds()), "held-µs")
			})
		}
	}
}

func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
