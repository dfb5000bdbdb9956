package observe

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

// Metrics is what is measured as it happens; everything else is counted per loop and summed when read.
// Histograms take a lock, so only handshakes, connects and pongs use them, never a message.
type Metrics struct {
	HandshakeTime, connectTime, PongTime, BackendPongTime *prom.Histogram

	TLSReloads, TLSReloadFailures       atomic.Uint64
	ACMEObtained, ACMEFailures          atomic.Uint64
	AccessReloads, AccessReloadFailures atomic.Uint64
	FetchFailures                       atomic.Uint64 // of key sets
	Silences                            atomic.Uint64 // of auth services
	pushFailures                        atomic.Uint64
	RetriesDenied                       atomic.Uint64 // by the budget of a fleet
	ConfigReloads, ConfigFailures       atomic.Uint64
	LastReload                          atomic.Int64 // seconds since 1970; 0: none yet
}

func NewMetrics() *Metrics {
	return &Metrics{HandshakeTime: newTiming(), connectTime: newTiming(), PongTime: newTiming(), BackendPongTime: newTiming()}
}

func (m *Metrics) Connected(_ *upstream.Endpoint, took time.Duration) {
	m.connectTime.Update(took.Seconds())
}

// timingBounds reach from a backend on the same host to a handshake that nearly runs into its timeout.
var timingBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newTiming() *prom.Histogram { return prom.NewHistogram(timingBounds) }

// Sum adds up what all loops have of something.
func Sum[N int | int64 | uint64](loops []LoopStats, of func(*LoopStats) N) (n N) {
	for i := range loops {
		n += of(&loops[i])
	}
	return n
}

// Scrape is all that one reading of the metrics looks at.
type Scrape struct {
	Release        string // version of Weir
	Metrics        *Metrics
	Loops          []LoopStats
	Web            web.Stats
	Routes         []*config.Config // whose close codes can occur
	Generation     uint64
	Generations    map[uint64]int // sessions by the configuration that they go by
	Draining       bool
	MaxConnections int // connections that there may be
	Requests       int // plain ones, in flight
	Uncounted      uint64
	Skew           map[string]float64 // by route, see weir_balance_skew
	Compute        *limits.Turns
	Handshakes     *netpoll.Handshakes // with clients
	Endpoints      func(do func(route string, e *upstream.Endpoint))
	Lookups        map[string]Lookup // by source
	Expiries       []certs.Expiry
	Lines          *logqueue.Handler
	Predecessor    func() (pid, open int, ok bool) // asked only if there is one to ask
}

// Write writes everything in Prometheus' text format.
func (s *Scrape) Write(w io.Writer) {
	var out exposition
	for i := range metricTable {
		out.begin(&metricTable[i])
		metricTable[i].from(s, &out)
	}
	_, _ = w.Write(out.text.Bytes())
}

// WriteProcess writes what is known of the process and the Go runtime.
func WriteProcess(w io.Writer) {
	var process bytes.Buffer
	metrics.WriteProcessMetrics(&process)
	metrics.WriteFDMetrics(&process)
	_, _ = w.Write(described(process.Bytes()))
}

// Lookup is how it stands with a source of backends.
type Lookup struct {
	Failures uint64
	Failing  bool
}
