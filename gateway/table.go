package gateway

import (
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"weir/internal/prom"
	"weir/netpoll"
	"weir/upstream"
)

// metricTable is all that /metrics tells, in its order. A new counter is a line here.
var metricTable = []metric{
	{"weir_build_info", gauge, []string{"version", "go"}, "always 1; the labels tell the version of Weir and of the Go that built it", func(s *scrape, out *exposition) { out.sample(1, s.release, runtime.Version()) }},

	{"weir_sessions_open", gauge, nil, "sessions whose WebSocket is open", total(func(st *loopStats) int { return st.talking })},
	{"weir_sessions_ending", gauge, nil, "open sessions that have begun to close", total(func(st *loopStats) int { return st.ending })},
	{"weir_client_connections", gauge, nil, "client sockets, including those in the handshake or on their way out; not those with plain HTTP", total(func(st *loopStats) int { return st.sessions })},
	{"weir_client_connections_max", gauge, nil, "how many client connections there may be, including those with plain HTTP", value(func(s *scrape) int { return s.maxConnections })},
	{"weir_connections_accepted_total", counter, nil, "client sockets accepted", total(func(st *loopStats) uint64 { return st.loop.Accepted })},
	{"weir_accept_pauses_total", counter, nil, "times that a listener paused for lack of descriptors or memory; clients wait meanwhile", total(func(st *loopStats) uint64 { return st.loop.AcceptPauses })},
	{"weir_sessions_opened_total", counter, nil, "handshakes answered with 101", total(func(st *loopStats) uint64 { return st.opened })},
	{"weir_sessions_refused_total", counter, []string{"reason"}, "clients whose WebSocket was not opened: handshakes answered otherwise, and connections that ended before a request", reasons(knownRefusals, ofLoops(func(st *loopStats) map[string]uint64 { return st.refused }))},
	{"weir_sessions_closed_total", counter, []string{"reason", "code"}, "sessions that ended; `code` is that of the close frame that the client got, or sent if it closed first; `cut`: the client was cut inside a frame; `none`: no close frame; codes from 1016 on are told as `3xxx` and `4xxx`", tallied(knownEndings, ofLoops(func(st *loopStats) map[closeKey]uint64 { return st.closed }), closeKey.compare, closeKey.labels)},
	{"weir_sessions_cut_total", counter, nil, "sessions ended by `close-timeout` or at the end of a drain, with data still under way", total(func(st *loopStats) uint64 { return st.cut })},
	{"weir_config_generation", gauge, nil, "number of the configuration in use; the one of the start is 1", value(func(s *scrape) uint64 { return s.generation })},
	{"weir_config_reloads_total", counter, nil, "configurations taken by a reload", once(func(m *meters) *atomic.Uint64 { return &m.configReloads })},
	{"weir_config_reload_failures_total", counter, nil, "reloads that took nothing, as the configuration had an error", once(func(m *meters) *atomic.Uint64 { return &m.configFailures })},
	{"weir_config_last_reload_timestamp_seconds", gauge, nil, "when the last reload took a configuration, in seconds of Unix time; 0: there was none", value(func(s *scrape) int64 { return s.metrics.lastReload.Load() })},
	{"weir_plan_sessions", gauge, []string{"generation"}, "open sessions by the configuration that they go by: the one in force if their route has not changed, else the one that their route was made for", generations},
	{"weir_draining", gauge, nil, "1 during a drain, else 0", value(func(s *scrape) uint64 { return fromBool(s.draining) })},
	{"weir_predecessor_sessions", gauge, []string{"pid"}, "open sessions of the process that this one replaced; only while that process lives", predecessor},

	{"weir_messages_total", counter, []string{"direction"}, "whole data messages forwarded, including those that `slow-reader` dropped later; `up` is towards the backend, `down` towards the client", directions(func(st *loopStats) uint64 { return st.up.Messages }, func(st *loopStats) uint64 { return st.down.Messages })},
	{"weir_frames_total", counter, []string{"direction"}, "frames of all kinds", directions(func(st *loopStats) uint64 { return st.up.Frames }, func(st *loopStats) uint64 { return st.down.Frames })},
	{"weir_control_frames_total", counter, []string{"direction"}, "pings, pongs and close frames; `weir_frames_total` counts them too", directions(func(st *loopStats) uint64 { return st.up.Controls }, func(st *loopStats) uint64 { return st.down.Controls })},
	{"weir_bytes_total", counter, []string{"direction"}, "bytes read after the handshake, including frame headers", directions(func(st *loopStats) uint64 { return st.upBytes }, func(st *loopStats) uint64 { return st.downBytes })},
	{"weir_messages_dropped_total", counter, []string{"reason"}, "messages left out: `message_rate` by `rate-action: drop`, `slow_reader` by `slow-reader: drop`", each(func(s *scrape, sample func(string, uint64)) {
		sample(reasonRate, sum(s.loops, func(st *loopStats) uint64 { return st.dropped }))
		sample(reasonSlow, sum(s.loops, func(st *loopStats) uint64 { return st.shed }))
	})},
	{"weir_rate_table_full_total", counter, nil, "handshakes, messages and reads that no rate by address or user counted, as `rate-table` was full", value(func(s *scrape) uint64 { return s.uncounted })},
	{"weir_buffered_bytes", gauge, nil, "bytes queued for peers that do not read, held back by windows of pooled sessions, or waiting under `slow-reader: drop`", total(func(st *loopStats) int { return st.loop.Buffered + st.pools.Buffered + st.waiting })},
	{"weir_gathered_bytes", gauge, nil, "bytes that `gather-memory` bounds: messages that are looked at as a whole, beyond 64 KiB of each session", total(func(st *loopStats) int { return st.gathered })},
	{"weir_deflate_bytes_total", counter, []string{"side"}, "bytes of messages to clients that the gateway compressed or tried to: before (`in`) and after (`out`)", each(func(s *scrape, sample func(string, uint64)) {
		sample("in", sum(s.loops, func(st *loopStats) uint64 { return st.deflatedFrom }))
		sample("out", sum(s.loops, func(st *loopStats) uint64 { return st.deflatedTo }))
	})},
	{"weir_inflate_bytes_total", counter, []string{"side"}, "bytes of messages from clients that the gateway decompressed: before (`in`) and after (`out`)", each(func(s *scrape, sample func(string, uint64)) {
		sample("in", sum(s.loops, func(st *loopStats) uint64 { return st.inflatedFrom }))
		sample("out", sum(s.loops, func(st *loopStats) uint64 { return st.inflatedTo }))
	})},
	{"weir_pings_sent_total", counter, nil, "the gateway's own pings, to clients and backends", total(func(st *loopStats) uint64 { return st.pings })},
	{"weir_pongs_received_total", counter, nil, "answers to the gateway's own pings", total(func(st *loopStats) uint64 { return st.pongs })},
	{"weir_client_ping_rtt_seconds", histogram, nil, "time from a ping to the client until its pong", durations(func(m *meters) *prom.Histogram { return m.pongTime })},
	{"weir_backend_ping_rtt_seconds", histogram, nil, "time from a ping to the backend until its pong, with `backend-ping-interval`", durations(func(m *meters) *prom.Histogram { return m.backendPongTime })},
	{"weir_handshake_seconds", histogram, nil, "time from accept to the 101, including the backend's part", durations(func(m *meters) *prom.Histogram { return m.handshakeTime })},

	{"weir_backend_connect_seconds", histogram, nil, "time of connects to backends that succeeded, including TLS", durations(func(m *meters) *prom.Histogram { return m.connectTime })},
	{"weir_endpoint_healthy", gauge, []string{"endpoint", "route"}, "1, or 0 while the backend gets no new sessions; `route` is the first of those that share the backend", byEndpoint(func(e *upstream.Endpoint, _ upstream.EndpointStats) uint64 { return fromBool(e.Healthy()) })},
	{"weir_endpoint_sessions", gauge, []string{"endpoint", "route"}, "sessions of this gateway on the backend, including those being opened", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) int64 { return st.Active })},
	{"weir_endpoint_connects_total", counter, []string{"endpoint", "route"}, "connections made to the backend", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.Connects })},
	{"weir_endpoint_connect_failures_total", counter, []string{"endpoint", "route"}, "connects that failed, and pooled connections that broke a rule or did not answer PING", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.ConnectFailures })},
	{"weir_endpoint_checks_total", counter, []string{"endpoint", "route"}, "health checks", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.Checks })},
	{"weir_endpoint_check_failures_total", counter, []string{"endpoint", "route"}, "health checks that failed", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.CheckFailures })},
	{"weir_endpoint_transitions_total", counter, []string{"endpoint", "route"}, "times that the backend went down or came back", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.Transitions })},
	{"weir_lookup_failures_total", counter, []string{"host"}, "look-ups of a backend's host name that led to no address", lookups},
	{"weir_pool_connections", gauge, nil, "pooled connections that are ready for sessions", total(func(st *loopStats) int { return st.pools.Connections })},
	{"weir_pool_streams", gauge, nil, "sessions on pooled connections, including those being opened", total(func(st *loopStats) int { return st.pools.Streams })},
	{"weir_pool_connections_opened_total", counter, nil, "pooled connections made", total(func(st *loopStats) uint64 { return st.pools.Opened })},
	{"weir_pool_connections_lost_total", counter, nil, "pooled connections that broke", total(func(st *loopStats) uint64 { return st.pools.Lost })},
	{"weir_pool_goaways_total", counter, nil, "GOAWAY frames of backends", total(func(st *loopStats) uint64 { return st.pools.GoAways })},
	{"weir_pool_faults_total", counter, []string{"reason"}, "rules of HTTP/2 that backends broke, on a stream or a connection; `reason` begins with `h2_` and is explained in `codec/h2/errors.go`; `h2_settings_not_first` is also how a `ws+h2c://` backend shows that it wants tunnels", reasons(knownPoolFaults, ofLoops(func(st *loopStats) map[string]uint64 { return st.pools.Faults }))},

	{"weir_compute_running", gauge, nil, "TLS handshakes, passwords and signatures that compute now", value(func(s *scrape) int { return s.compute.Taken() })},
	{"weir_compute_waiting", gauge, nil, "TLS handshakes, passwords and signatures that wait for their turn to compute", value(func(s *scrape) int { return s.compute.Waiting() })},
	{"weir_tls_handshakes_total", counter, []string{"version", "resumed"}, "TLS handshakes with clients that succeeded", tallied(knownTLS, ofLoops(func(st *loopStats) map[tlsKey]uint64 { return st.secured }), tlsKey.compare, tlsKey.labels)},
	{"weir_tls_handshake_failures_total", counter, []string{"reason"}, "TLS handshakes with clients that failed, by the reasons below; a client that never sent a byte began none", reasons(knownTLSFailures, ofLoops(func(st *loopStats) map[string]uint64 { return st.tlsFailed }))},
	{"weir_tls_handshakes_running", gauge, nil, "TLS handshakes under way, including those that wait for the client", handshaking((*netpoll.Handshakes).Running)},
	{"weir_tls_handshakes_waiting", gauge, nil, "TLS handshakes held back by `tls-handshakes`", handshaking((*netpoll.Handshakes).Waiting)},
	{"weir_tls_certificate_expires_seconds", gauge, []string{"name"}, "when a certificate ends, in seconds of Unix time; `name` is its first name", certificates},
	{"weir_tls_reloads_total", counter, nil, "files of certificates, keys, authorities or ticket keys whose new content was taken", once(func(m *meters) *atomic.Uint64 { return &m.tlsReloads })},
	{"weir_tls_reload_failures_total", counter, nil, "files of certificates, keys, authorities or ticket keys that could not be read anew, including those for backends; a file that stays broken counts once, and again at each SIGHUP", once(func(m *meters) *atomic.Uint64 { return &m.tlsReloadFailures })},
	{"weir_acme_certificates_total", counter, nil, "certificates obtained or renewed by ACME", once(func(m *meters) *atomic.Uint64 { return &m.acmeObtained })},
	{"weir_acme_failures_total", counter, nil, "failures to obtain or renew a certificate by ACME", once(func(m *meters) *atomic.Uint64 { return &m.acmeFailures })},

	{"weir_auth_key_fetch_failures_total", counter, nil, "fetches of key sets (`jwt-jwks-url`) that failed; the last set stays in use, if there was one", once(func(m *meters) *atomic.Uint64 { return &m.fetchFailures })},
	{"weir_auth_service_failures_total", counter, nil, "calls of `auth-url` that decided nothing: no answer, or another status than 2xx, 401 and 403", once(func(m *meters) *atomic.Uint64 { return &m.silences })},
	{"weir_access_reloads_total", counter, nil, "files of addresses, token keys, API keys or users whose new content was taken", once(func(m *meters) *atomic.Uint64 { return &m.accessReloads })},
	{"weir_access_reload_failures_total", counter, nil, "files of addresses, token keys, API keys or users that could not be read anew; counted as `weir_tls_reload_failures_total`", once(func(m *meters) *atomic.Uint64 { return &m.accessReloadFailures })},

	{"weir_http_connections", gauge, nil, "client connections with plain HTTP", value(func(s *scrape) int { return s.web.Active })},
	{"weir_http_connections_total", counter, nil, "client connections that carried plain HTTP", value(func(s *scrape) uint64 { return s.web.Accepted })},
	{"weir_http_requests_in_flight", gauge, nil, "plain requests under way, which `max-requests` bounds", value(func(s *scrape) int { return s.requests })},
	{"weir_http_upgrades_total", counter, nil, "client connections with plain HTTP that became a WebSocket later", value(func(s *scrape) uint64 { return s.web.Upgrades })},
	{"weir_http_requests_total", counter, []string{"status"}, "plain requests by the status of their answer, as `2xx`; `none`: there was no answer", each(func(s *scrape, sample func(string, uint64)) {
		for class, n := range s.web.Requests {
			sample(strings.Replace(strconv.Itoa(class)+"xx", "0xx", "none", 1), n)
		}
	})},
	{"weir_http_failures_total", counter, []string{"reason"}, "plain requests that the gateway refused or that broke off", reasons(knownHTTPFailures, func(s *scrape) map[string]uint64 { return s.web.ByReason })},
	{"weir_http_body_bytes_total", counter, []string{"direction"}, "bytes of the bodies of plain requests (`up`) and their answers (`down`)", each(func(s *scrape, sample func(string, uint64)) {
		sample("up", s.web.BytesUp)
		sample("down", s.web.BytesDown)
	})},

	{"weir_loop_busy_seconds_total", counter, []string{"loop"}, "estimate of the time that a loop spent handling events; its rate is the loop's load, 1 at most", byLoop(func(st *loopStats) float64 { return st.loop.Busy.Seconds() })},
	{"weir_loop_events_total", counter, []string{"loop"}, "readiness events handled", byLoop(func(st *loopStats) uint64 { return st.loop.Events })},
	{"weir_loop_writes_total", counter, []string{"loop"}, "system calls that sent", byLoop(func(st *loopStats) uint64 { return st.loop.Writes })},
	{"weir_loop_sessions", gauge, []string{"loop"}, "client connections on the loop", byLoop(func(st *loopStats) int { return st.sessions })},
	{"weir_metrics_push_failures_total", counter, nil, "pushes to `metrics-push-url` that failed", once(func(m *meters) *atomic.Uint64 { return &m.pushFailures })},
	{"weir_log_lines_dropped_total", counter, []string{"kind"}, "log lines dropped because whoever reads standard error was too slow; `kind` is `access` or `other`; a line tells their number once it has caught up", each(func(s *scrape, sample func(string, uint64)) {
		access, other := s.lines.Dropped()
		sample("access", access)
		sample("other", other)
	})},
}
