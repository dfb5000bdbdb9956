package gateway

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"weir/gateway/web"
	"weir/internal/prom"
	"weir/netpoll"
	"weir/upstream"

	"github.com/VictoriaMetrics/metrics"
)

// metricsSet is what is measured as it happens; everything else is counted per loop and summed when read.
// Histograms take a lock, so only handshakes, connects and pongs use them, never a message.
type metricsSet struct {
	handshakeTime, connectTime, pongTime, backendPongTime *prom.Histogram

	tlsReloads, tlsReloadFailures       atomic.Uint64
	acmeObtained, acmeFailures          atomic.Uint64
	accessReloads, accessReloadFailures atomic.Uint64
	fetchFailures                       atomic.Uint64 // of key sets
	silences                            atomic.Uint64 // of auth services
	pushFailures                        atomic.Uint64
	configReloads, configFailures       atomic.Uint64
	lastReload                          atomic.Int64 // seconds since 1970; 0: none yet
}

func newMetricsSet() *metricsSet {
	return &metricsSet{handshakeTime: newTiming(), connectTime: newTiming(), pongTime: newTiming(), backendPongTime: newTiming()}
}

func (m *metricsSet) connected(_ *upstream.Endpoint, took time.Duration) {
	m.connectTime.Update(took.Seconds())
}

// timingBounds reach from a backend on the same host to a handshake that nearly runs into its timeout.
var timingBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newTiming() *prom.Histogram { return prom.NewHistogram(timingBounds) }

// shardStats is a copy of one loop's counters.
type shardStats struct {
	counters
	loop                      netpoll.Stats
	pools                     upstream.PoolStats
	sessions, talking, ending int
	gathered, waiting         int
}

// stats asks every loop for its counters. A loop that has stopped is left out.
func (g *Gateway) stats() []shardStats {
	var all []shardStats
	for _, sh := range g.shards {
		var st shardStats
		if sh.loop.Do(func() { st = sh.snapshot() }) == nil {
			all = append(all, st)
		}
	}
	return all
}

// sum adds up what all loops have of something.
func sum[N int | int64 | uint64](loops []shardStats, of func(*shardStats) N) (n N) {
	for i := range loops {
		n += of(&loops[i])
	}
	return n
}

// scrape is all that one reading of the metrics looks at.
type scrape struct {
	g     *Gateway
	plan  *plan
	loops []shardStats
	web   web.Stats
}

// writeMetrics writes everything in Prometheus' text format.
func (g *Gateway) writeMetrics(w io.Writer) {
	s := scrape{g: g, plan: g.plan.Load(), loops: g.stats(), web: g.web.Stats()}
	var out exposition
	for i := range metricTable {
		out.begin(&metricTable[i])
		metricTable[i].from(&s, &out)
	}
	_, _ = w.Write(out.text.Bytes())
	var process bytes.Buffer
	metrics.WriteProcessMetrics(&process)
	metrics.WriteFDMetrics(&process)
	_, _ = w.Write(described(process.Bytes()))
}
