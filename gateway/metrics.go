package gateway

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/gateway/limits"
	"weir/gateway/logqueue"
	"weir/gateway/web"
	"weir/internal/prom"
	"weir/netpoll"
	"weir/upstream"

	"github.com/VictoriaMetrics/metrics"
)

// metricsSet is what is measured as it happens; everything else is counted per loop and summed when read.
// Histograms take a lock, so only handshakes, connects and pongs use them, never a message.
type meters struct {
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

func newMeters() *meters {
	return &meters{handshakeTime: newTiming(), connectTime: newTiming(), pongTime: newTiming(), backendPongTime: newTiming()}
}

func (m *meters) connected(_ *upstream.Endpoint, took time.Duration) {
	m.connectTime.Update(took.Seconds())
}

// timingBounds reach from a backend on the same host to a handshake that nearly runs into its timeout.
var timingBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newTiming() *prom.Histogram { return prom.NewHistogram(timingBounds) }

// sum adds up what all loops have of something.
func sum[N int | int64 | uint64](loops []loopStats, of func(*loopStats) N) (n N) {
	for i := range loops {
		n += of(&loops[i])
	}
	return n
}

// scrape is all that one reading of the metrics looks at.
type scrape struct {
	release        string // version of Weir
	metrics        *meters
	loops          []loopStats
	web            web.Stats
	routes         []*config.Config // whose close codes can occur
	generation     uint64
	generations    map[uint64]int // sessions by the configuration that they go by
	draining       bool
	maxConnections int // connections that there may be
	requests       int // plain ones, in flight
	uncounted      uint64
	compute        *limits.Turns
	handshakes     *netpoll.Handshakes // with clients
	endpoints      func(do func(route string, e *upstream.Endpoint))
	lookups        map[string]uint64 // failures by host
	expiries       []certs.Expiry
	lines          *logqueue.Handler
	predecessor    func() (pid, open int, ok bool) // asked only if there is one to ask
}

// write writes everything in Prometheus' text format.
func (s *scrape) write(w io.Writer) {
	var out exposition
	for i := range metricTable {
		out.begin(&metricTable[i])
		metricTable[i].from(s, &out)
	}
	_, _ = w.Write(out.text.Bytes())
}

// writeProcess writes what is known of the process and the Go runtime.
func writeProcess(w io.Writer) {
	var process bytes.Buffer
	metrics.WriteProcessMetrics(&process)
	metrics.WriteFDMetrics(&process)
	_, _ = w.Write(described(process.Bytes()))
}
