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

// BenchmarkReload puts another file with a thousand routes of three backends each into force, which differs in one route or
// in all. cpu-ms/op is the processor time of a reload, all in all; held-µs the longest time that a loop spent on a task.
func BenchmarkReload(b *testing.B) {
	const routes = 1000
	l, err := accept.Listen("tcp", "0.0.0.0:0") // all of 127.0.0.0/8
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, scheme := range []string{"ws", "h2c"} {
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
					gateway.OpenLanes(g.Gateway)
					if scheme == "h2c" {
						wantMetric(b, g, "weir_pool_connections", 3*routes)
					}
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
