package gateway

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/VictoriaMetrics/metrics"
)

// writeTLS writes what is known of the clients' TLS.
func (g *Gateway) writeTLS(w io.Writer, sum *shardStats) {
	p := g.plan.Load()
	if p.certs == nil {
		return
	}
	metrics.WriteGaugeUint64(w, "weir_tls_handshakes_running", uint64(g.fromClients.Running()))
	metrics.WriteGaugeUint64(w, "weir_tls_handshakes_waiting", uint64(g.fromClients.Waiting()))
	for _, k := range slices.SortedFunc(maps.Keys(sum.secured), tlsKey.compare) {
		label := fmt.Sprintf(`{version=%q,resumed="%t"}`, tls.VersionName(k.version), k.resumed)
		metrics.WriteCounterUint64(w, "weir_tls_handshakes_total"+label, sum.secured[k])
	}
	for _, reason := range slices.Sorted(maps.Keys(sum.tlsFailed)) {
		metrics.WriteCounterUint64(w, fmt.Sprintf("weir_tls_handshake_failures_total{reason=%q}", reason), sum.tlsFailed[reason])
	}
	for _, e := range p.certs.Expiries() {
		metrics.WriteGaugeUint64(w, fmt.Sprintf("weir_tls_certificate_expires_seconds{name=%q}", e.Name), uint64(max(0, e.NotAfter.Unix())))
	}
}

func (k tlsKey) compare(o tlsKey) int {
	if c := cmp.Compare(k.version, o.version); c != 0 || k.resumed == o.resumed {
		return c
	}
	if k.resumed {
		return 1
	}
	return -1
}

// writePlain writes what is known of plain HTTP.
func (g *Gateway) writePlain(w io.Writer) {
	st := g.web.Stats()
	metrics.WriteGaugeUint64(w, "weir_http_connections", uint64(st.Active))
	metrics.WriteGaugeUint64(w, "weir_http_requests_in_flight", uint64(g.limits.requests.Len()))
	metrics.WriteCounterUint64(w, "weir_http_connections_total", st.Accepted)
	metrics.WriteCounterUint64(w, "weir_http_upgrades_total", st.Upgrades)
	for class, n := range st.Requests {
		label := fmt.Sprintf(`{status="%dxx"}`, class)
		if class == 0 {
			label = `{status="none"}`
		}
		metrics.WriteCounterUint64(w, "weir_http_requests_total"+label, n)
	}
	for _, reason := range slices.Sorted(maps.Keys(st.ByReason)) {
		metrics.WriteCounterUint64(w, fmt.Sprintf("weir_http_failures_total{reason=%q}", reason), st.ByReason[reason])
	}
	metrics.WriteCounterUint64(w, `weir_http_body_bytes_total{direction="up"}`, st.BytesUp)
	metrics.WriteCounterUint64(w, `weir_http_body_bytes_total{direction="down"}`, st.BytesDown)
}
