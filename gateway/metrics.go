package gateway

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"weir/netpoll"
	"weir/upstream"
)

// metricsSet is what is measured as it happens; everything else is counted per loop and summed when read.
// These histograms take a lock, so only handshakes, connects and pongs use them, never a message.
type metricsSet struct {
	set           *metrics.Set
	handshakeTime *metrics.Histogram
	connectTime   *metrics.Histogram
	pongTime      *metrics.Histogram

	backendPongTime *metrics.Histogram

	reloads        *metrics.Counter
	reloadFailures *metrics.Counter
	fetchFailures  *metrics.Counter
	silences       *metrics.Counter
	pushFailures   *metrics.Counter

	configReloads  *metrics.Counter
	configFailures *metrics.Counter
	lastReload     atomic.Int64 // seconds since 1970; 0: none yet
}

func newMetricsSet() *metricsSet {
	set := metrics.NewSet()
	return &metricsSet{
		set:           set,
		handshakeTime: set.NewHistogram("weir_handshake_seconds"),
		connectTime:   set.NewHistogram("weir_backend_connect_seconds"),
		pongTime:      set.NewHistogram("weir_client_ping_rtt_seconds"),

		backendPongTime: set.NewHistogram("weir_backend_ping_rtt_seconds"),

		reloads:        set.NewCounter("weir_tls_reloads_total"),
		reloadFailures: set.NewCounter("weir_tls_reload_failures_total"),
		fetchFailures:  set.NewCounter("weir_auth_key_fetch_failures_total"),
		silences:       set.NewCounter("weir_auth_service_failures_total"),
		configReloads:  set.NewCounter("weir_config_reloads_total"),
		configFailures: set.NewCounter("weir_config_reload_failures_total"),
		pushFailures:   set.NewCounter("weir_metrics_push_failures_total"),
	}
}

func (m *metricsSet) connected(_ *upstream.Endpoint, took time.Duration) {
	m.connectTime.Update(took.Seconds())
}

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

// totals sums all loops.
func (g *Gateway) totals() shardStats {
	sum := shardStats{counters: newCounters()}
	for _, st := range g.stats() {
		sum.add(st)
	}
	return sum
}

func (sum *shardStats) add(st shardStats) {
	sum.up.Frames += st.up.Frames
	sum.up.Messages += st.up.Messages
	sum.up.Controls += st.up.Controls
	sum.up.Parts += st.up.Parts
	sum.down.Parts += st.down.Parts
	sum.down.Frames += st.down.Frames
	sum.down.Messages += st.down.Messages
	sum.down.Controls += st.down.Controls
	sum.upBytes += st.upBytes
	sum.downBytes += st.downBytes
	sum.opened += st.opened
	sum.pings += st.pings
	sum.pongs += st.pongs
	sum.cut += st.cut
	sum.dropped += st.dropped
	sum.shed += st.shed
	sum.inflatedFrom += st.inflatedFrom
	sum.inflatedTo += st.inflatedTo
	sum.deflatedFrom += st.deflatedFrom
	sum.deflatedTo += st.deflatedTo
	sum.gathered += st.gathered
	sum.waiting += st.waiting
	sum.sessions += st.sessions
	sum.talking += st.talking
	sum.ending += st.ending
	sum.loop.Buffered += st.loop.Buffered
	sum.loop.Accepted += st.loop.Accepted
	sum.loop.AcceptPauses += st.loop.AcceptPauses
	sum.pools.Add(st.pools)
	for k, n := range st.refused {
		sum.refused[k] += n
	}
	for k, n := range st.closed {
		sum.closed[k] += n
	}
	for k, n := range st.secured {
		sum.secured[k] += n
	}
	for k, n := range st.tlsFailed {
		sum.tlsFailed[k] += n
	}
}

// writeMetrics writes everything in Prometheus' text format.
func (g *Gateway) writeMetrics(w io.Writer) {
	loops := g.stats()
	sum := shardStats{counters: newCounters()}
	for i, st := range loops {
		sum.add(st)
		label := fmt.Sprintf(`{loop="%d"}`, i)
		metrics.WriteGaugeFloat64(w, "weir_loop_busy_seconds_total"+label, st.loop.Busy.Seconds())
		metrics.WriteCounterUint64(w, "weir_loop_events_total"+label, st.loop.Events)
		metrics.WriteCounterUint64(w, "weir_loop_writes_total"+label, st.loop.Writes)
		metrics.WriteGaugeUint64(w, "weir_loop_sessions"+label, uint64(st.sessions))
	}
	g.writeSums(w, &sum)
	g.writeEndpoints(w)
	g.writeTLS(w, &sum)
	g.writePlain(w)
	metrics.WriteGaugeUint64(w, "weir_config_generation", g.plan.Load().generation)
	metrics.WriteGaugeUint64(w, "weir_config_last_reload_timestamp_seconds", uint64(g.metrics.lastReload.Load()))
	for generation, n := range g.sessionsByGeneration() {
		metrics.WriteGaugeUint64(w, fmt.Sprintf(`weir_plan_sessions{generation="%d"}`, generation), uint64(n))
	}
	if pid, n, ok := g.predecessorSessions(); ok {
		metrics.WriteGaugeUint64(w, fmt.Sprintf(`weir_predecessor_sessions{pid="%d"}`, pid), uint64(n))
	}
	g.metrics.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
	metrics.WriteFDMetrics(w)
}

func (g *Gateway) writeSums(w io.Writer, sum *shardStats) {
	metrics.WriteGaugeUint64(w, "weir_sessions_open", uint64(sum.talking))
	metrics.WriteGaugeUint64(w, "weir_sessions_ending", uint64(sum.ending))
	metrics.WriteGaugeUint64(w, "weir_client_connections", uint64(sum.sessions))
	metrics.WriteGaugeUint64(w, "weir_client_connections_max", uint64(g.limits.admitted.Max()))
	metrics.WriteGaugeUint64(w, "weir_compute_running", uint64(g.limits.compute.Taken()))
	metrics.WriteGaugeUint64(w, "weir_compute_waiting", uint64(g.limits.compute.Waiting()))
	draining := uint64(0)
	if g.draining.Load() {
		draining = 1
	}
	metrics.WriteGaugeUint64(w, "weir_draining", draining)
	metrics.WriteCounterUint64(w, "weir_sessions_opened_total", sum.opened)
	metrics.WriteCounterUint64(w, "weir_sessions_cut_total", sum.cut)
	metrics.WriteCounterUint64(w, "weir_connections_accepted_total", sum.loop.Accepted)
	metrics.WriteCounterUint64(w, "weir_accept_pauses_total", sum.loop.AcceptPauses)
	metrics.WriteGaugeUint64(w, "weir_buffered_bytes", uint64(max(0, sum.loop.Buffered+sum.pools.Buffered+sum.waiting)))
	metrics.WriteCounterUint64(w, "weir_pings_sent_total", sum.pings)
	metrics.WriteCounterUint64(w, "weir_pongs_received_total", sum.pongs)
	metrics.WriteCounterUint64(w, `weir_messages_dropped_total{reason="message_rate"}`, sum.dropped)
	metrics.WriteCounterUint64(w, `weir_messages_dropped_total{reason="slow_reader"}`, sum.shed)
	metrics.WriteCounterUint64(w, "weir_rate_table_full_total", g.uncounted())
	metrics.WriteCounterUint64(w, `weir_inflate_bytes_total{side="in"}`, sum.inflatedFrom)
	metrics.WriteCounterUint64(w, `weir_inflate_bytes_total{side="out"}`, sum.inflatedTo)
	metrics.WriteCounterUint64(w, `weir_deflate_bytes_total{side="in"}`, sum.deflatedFrom)
	metrics.WriteCounterUint64(w, `weir_deflate_bytes_total{side="out"}`, sum.deflatedTo)
	metrics.WriteGaugeUint64(w, "weir_gathered_bytes", uint64(max(0, sum.gathered)))
	bulk, other := g.lines.Dropped()
	metrics.WriteCounterUint64(w, `weir_log_lines_dropped_total{kind="access"}`, bulk)
	metrics.WriteCounterUint64(w, `weir_log_lines_dropped_total{kind="other"}`, other)
	metrics.WriteGaugeUint64(w, "weir_pool_connections", uint64(sum.pools.Connections))
	metrics.WriteGaugeUint64(w, "weir_pool_streams", uint64(sum.pools.Streams))
	metrics.WriteCounterUint64(w, "weir_pool_connections_opened_total", sum.pools.Opened)
	metrics.WriteCounterUint64(w, "weir_pool_connections_lost_total", sum.pools.Lost)
	metrics.WriteCounterUint64(w, "weir_pool_goaways_total", sum.pools.GoAways)
	for _, reason := range slices.Sorted(maps.Keys(sum.pools.Faults)) {
		metrics.WriteCounterUint64(w, fmt.Sprintf("weir_pool_faults_total{reason=%q}", reason), sum.pools.Faults[reason])
	}
	for _, dir := range []struct {
		name   string
		frames *[3]uint64
		bytes  uint64
	}{
		{"up", &[3]uint64{sum.up.Messages, sum.up.Frames, sum.up.Controls}, sum.upBytes},
		{"down", &[3]uint64{sum.down.Messages, sum.down.Frames, sum.down.Controls}, sum.downBytes},
	} {
		label := fmt.Sprintf(`{direction=%q}`, dir.name)
		metrics.WriteCounterUint64(w, "weir_messages_total"+label, dir.frames[0])
		metrics.WriteCounterUint64(w, "weir_frames_total"+label, dir.frames[1])
		metrics.WriteCounterUint64(w, "weir_control_frames_total"+label, dir.frames[2])
		metrics.WriteCounterUint64(w, "weir_bytes_total"+label, dir.bytes)
	}
	for _, reason := range slices.Sorted(maps.Keys(sum.refused)) {
		metrics.WriteCounterUint64(w, fmt.Sprintf("weir_sessions_refused_total{reason=%q}", reason), sum.refused[reason])
	}
	for _, k := range slices.SortedFunc(maps.Keys(sum.closed), closeKey.compare) {
		metrics.WriteCounterUint64(w, fmt.Sprintf("weir_sessions_closed_total{reason=%q,code=%q}", k.reason, k.code), sum.closed[k])
	}
}

func (k closeKey) compare(o closeKey) int {
	return strings.Compare(k.reason+" "+k.code, o.reason+" "+o.code)
}

func (g *Gateway) writeEndpoints(w io.Writer) {
	g.plan.Load().eachEndpoint(func(f *fleet, e *upstream.Endpoint) {
		st, label := e.Stats(), fmt.Sprintf(`{endpoint=%q,route=%q}`, e.Name, f.name)
		healthy := uint64(0)
		if e.Healthy() {
			healthy = 1
		}
		metrics.WriteGaugeUint64(w, "weir_endpoint_healthy"+label, healthy)
		metrics.WriteGaugeUint64(w, "weir_endpoint_sessions"+label, uint64(max(0, st.Active)))
		metrics.WriteCounterUint64(w, "weir_endpoint_connects_total"+label, st.Connects)
		metrics.WriteCounterUint64(w, "weir_endpoint_connect_failures_total"+label, st.ConnectFailures)
		metrics.WriteCounterUint64(w, "weir_endpoint_checks_total"+label, st.Checks)
		metrics.WriteCounterUint64(w, "weir_endpoint_check_failures_total"+label, st.CheckFailures)
		metrics.WriteCounterUint64(w, "weir_endpoint_transitions_total"+label, st.Transitions)
	})
	failures := map[string]uint64{}
	for _, f := range g.plan.Load().fleets {
		for _, l := range f.group.Lookups() {
			failures[l.Host] += l.Failures
		}
	}
	for _, host := range slices.Sorted(maps.Keys(failures)) {
		metrics.WriteCounterUint64(w, fmt.Sprintf("weir_lookup_failures_total{host=%q}", host), failures[host])
	}
}
