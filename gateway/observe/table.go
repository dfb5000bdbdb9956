package observe

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"weir/gateway/reasons"
	"weir/internal/prom"
	"weir/netpoll"
	"weir/upstream"
)

// metricTable is all that /metrics tells, in its order. A new counter is a line here.
var metricTable = []metric{
	{"weir_build_info", gauge, []string{"version", "go"}, "always 1; the labels are the versions of Weir and of Go", func(s *Scrape, out *exposition) { out.sample(1, s.Release, runtime.Version()) }},

	{"weir_sessions_open", gauge, nil, "sessions whose WebSocket is open", total(func(st *LoopStats) int { return st.Talking })},
	{"weir_sessions_ending", gauge, nil, "open sessions that have begun to close", total(func(st *LoopStats) int { return st.Ending })},
	{"weir_client_connections", gauge, nil, "client sockets, including those in the handshake or on their way out; not those with plain HTTP", total(func(st *LoopStats) int { return st.Sessions })},
	{"weir_client_connections_max", gauge, nil, "highest number of client connections that is allowed, including those with plain HTTP", value(func(s *Scrape) int { return s.MaxConnections })},
	{"weir_connections_accepted_total", counter, nil, "client sockets accepted", total(func(st *LoopStats) uint64 { return st.Loop.Accepted })},
	{"weir_accept_pauses_total", counter, nil, "times that a listener paused for lack of descriptors or memory; clients wait meanwhile", total(func(st *LoopStats) uint64 { return st.Loop.AcceptPauses })},
	{"weir_sessions_opened_total", counter, nil, "handshakes answered with 101", total(func(st *LoopStats) uint64 { return st.Opened })},
	{"weir_sessions_refused_total", counter, []string{"reason"}, "clients whose WebSocket was not opened: handshakes answered otherwise, and connections that ended before a request", byReason(knownRefusals, ofLoops(func(st *LoopStats) map[string]uint64 { return st.Refused }))},
	{"weir_sessions_closed_total", counter, []string{"reason", "code"}, "sessions that ended; `code` is that of the close frame that the client got, or sent if it closed first; `cut`: the client was cut inside a frame; `none`: no close frame; codes from 1016 on are told as `3xxx` and `4xxx`", tallied(knownEndings, ofLoops(func(st *LoopStats) map[CloseKey]uint64 { return st.Closed }), CloseKey.compare, CloseKey.labels)},
	{"weir_moves_total", counter, []string{"reason", "outcome"}, "sessions that went on, or should have, at another backend (`on-backend-loss: reopen`); `moved` is the good outcome", tallied(knownMoves, ofLoops(func(st *LoopStats) map[MoveKey]uint64 { return st.Moves }), MoveKey.compare, MoveKey.labels)},
	{"weir_moves_cut_messages_total", counter, nil, "messages of clients of which Weir dropped the rest, since the backend ended in the middle of them", total(func(st *LoopStats) uint64 { return st.CutOff })},
	{"weir_kept_handshake_bytes", gauge, nil, "handshakes kept so that sessions can be moved", total(func(st *LoopStats) int { return st.Kept })},
	{"weir_sessions_cut_total", counter, nil, "sessions ended by `close-timeout` or at the end of a drain, with data still under way", total(func(st *LoopStats) uint64 { return st.Cut })},
	{"weir_config_generation", gauge, nil, "number of the configuration in use; the one of the start is 1", value(func(s *Scrape) uint64 { return s.Generation })},
	{"weir_config_reloads_total", counter, nil, "reloads that put a new configuration into use", once(func(m *Metrics) *atomic.Uint64 { return &m.ConfigReloads })},
	{"weir_config_reload_failures_total", counter, nil, "reloads that changed nothing because the configuration had an error", once(func(m *Metrics) *atomic.Uint64 { return &m.ConfigFailures })},
	{"weir_config_last_reload_timestamp_seconds", gauge, nil, "Unix time of the last reload that put a configuration into use, in seconds; 0: none did", value(func(s *Scrape) int64 { return s.Metrics.LastReload.Load() })},
	{"weir_plan_sessions", gauge, []string{"generation"}, "open sessions by the configuration that their route comes from; a session whose route a reload did not change counts under the current one", generations},
	{"weir_draining", gauge, nil, "1 during a drain, else 0", value(func(s *Scrape) uint64 { return fromBool(s.Draining) })},
	{"weir_predecessor_sessions", gauge, []string{"pid"}, "open sessions of the process that this one replaced; only while that process lives", predecessor},

	{"weir_messages_total", counter, []string{"direction"}, "whole data messages forwarded, including those that `slow-reader` dropped later; `up` is towards the backend, `down` towards the client", directions(func(st *LoopStats) uint64 { return st.Up.Messages }, func(st *LoopStats) uint64 { return st.Down.Messages })},
	{"weir_frames_total", counter, []string{"direction"}, "frames of all kinds", directions(func(st *LoopStats) uint64 { return st.Up.Frames }, func(st *LoopStats) uint64 { return st.Down.Frames })},
	{"weir_control_frames_total", counter, []string{"direction"}, "pings, pongs and close frames; `weir_frames_total` counts them too", directions(func(st *LoopStats) uint64 { return st.Up.Controls }, func(st *LoopStats) uint64 { return st.Down.Controls })},
	{"weir_bytes_total", counter, []string{"direction"}, "bytes read after the handshake, including frame headers", directions(func(st *LoopStats) uint64 { return st.UpBytes }, func(st *LoopStats) uint64 { return st.DownBytes })},
	{"weir_messages_dropped_total", counter, []string{"reason"}, "messages that were dropped: `message_rate` by `rate-action: drop`, `slow_reader` by `slow-reader: drop`", each(func(s *Scrape, sample func(string, uint64)) {
		sample(reasons.MessageRate, Sum(s.Loops, func(st *LoopStats) uint64 { return st.Dropped }))
		sample(reasons.SlowReader, Sum(s.Loops, func(st *LoopStats) uint64 { return st.Shed }))
	})},
	{"weir_rate_table_full_total", counter, nil, "handshakes, messages and reads that no rate by address or user counted because `rate-table` was full", value(func(s *Scrape) uint64 { return s.Uncounted })},
	{"weir_buffered_bytes", gauge, nil, "bytes queued for peers that do not read, held back by windows of pooled sessions, or waiting under `slow-reader: drop`", total(func(st *LoopStats) int { return st.Loop.Buffered + st.Pools.Buffered + st.Waiting })},
	{"weir_gathered_bytes", gauge, nil, "memory that `gather-memory` bounds: messages that Weir sees as a whole, beyond 64 KiB of each session", total(func(st *LoopStats) int { return st.Gathered })},
	{"weir_deflate_bytes_total", counter, []string{"side"}, "bytes of messages to clients that the gateway compressed or tried to: before (`in`) and after (`out`)", each(func(s *Scrape, sample func(string, uint64)) {
		sample("in", Sum(s.Loops, func(st *LoopStats) uint64 { return st.DeflatedFrom }))
		sample("out", Sum(s.Loops, func(st *LoopStats) uint64 { return st.DeflatedTo }))
	})},
	{"weir_inflate_bytes_total", counter, []string{"side"}, "bytes of messages from clients that the gateway decompressed: before (`in`) and after (`out`)", each(func(s *Scrape, sample func(string, uint64)) {
		sample("in", Sum(s.Loops, func(st *LoopStats) uint64 { return st.InflatedFrom }))
		sample("out", Sum(s.Loops, func(st *LoopStats) uint64 { return st.InflatedTo }))
	})},
	{"weir_pings_sent_total", counter, nil, "the gateway's own pings, to clients and backends", total(func(st *LoopStats) uint64 { return st.Pings })},
	{"weir_pongs_received_total", counter, nil, "answers to the gateway's own pings", total(func(st *LoopStats) uint64 { return st.Pongs })},
	{"weir_client_ping_rtt_seconds", histogram, nil, "time from a ping to the client until its pong", durations(func(m *Metrics) *prom.Histogram { return m.PongTime })},
	{"weir_backend_ping_rtt_seconds", histogram, nil, "time from a ping to the backend until its pong, with `backend-ping-interval`", durations(func(m *Metrics) *prom.Histogram { return m.BackendPongTime })},
	{"weir_handshake_seconds", histogram, nil, "time from accept to the 101, including the backend's part", durations(func(m *Metrics) *prom.Histogram { return m.HandshakeTime })},

	{"weir_backend_connect_seconds", histogram, nil, "time of connects to backends that succeeded, including TLS", durations(func(m *Metrics) *prom.Histogram { return m.connectTime })},
	{"weir_endpoint_healthy", gauge, []string{"endpoint", "route"}, "1, or 0 while the backend gets no new sessions; `route` is the first of those that share the backend", byEndpoint(func(e *upstream.Endpoint, _ upstream.EndpointStats) uint64 { return fromBool(e.Healthy()) })},
	{"weir_endpoint_sessions", gauge, []string{"endpoint", "route"}, "sessions of this gateway on the backend, including those being opened", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) int64 { return st.Active })},
	{"weir_endpoint_weight", gauge, []string{"endpoint", "route"}, "weight of the backend, as it was given or changed by hand", byEndpoint(func(e *upstream.Endpoint, _ upstream.EndpointStats) int64 { return int64(e.Terms().Weight) })},
	{"weir_endpoint_priority", gauge, []string{"endpoint", "route"}, "priority of the backend; those of the lowest are used first", byEndpoint(func(e *upstream.Endpoint, _ upstream.EndpointStats) int64 { return int64(e.Terms().Priority) })},
	{"weir_balance_skew", gauge, []string{"route"}, "how many times its fair share of the sessions the fullest backend has: 1 is even, 0 is no session; `route` is the first of those that share the backends", func(s *Scrape, out *exposition) {
		for _, route := range slices.Sorted(maps.Keys(s.Skew)) {
			out.sample(s.Skew[route], route)
		}
	}},
	{"weir_endpoint_connects_total", counter, []string{"endpoint", "route"}, "connections made to the backend", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.Connects })},
	{"weir_endpoint_connect_failures_total", counter, []string{"endpoint", "route"}, "connects that failed, and pooled connections that broke a rule or did not answer PING", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.ConnectFailures })},
	{"weir_endpoint_checks_total", counter, []string{"endpoint", "route"}, "health checks", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.Checks })},
	{"weir_endpoint_check_failures_total", counter, []string{"endpoint", "route"}, "health checks that failed", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.CheckFailures })},
	{"weir_endpoint_downs_total", counter, []string{"cause", "endpoint", "route"}, "times that a cause began for which the backend gets no new sessions", func(s *Scrape, out *exposition) {
		s.Endpoints(func(route string, e *upstream.Endpoint) {
			for i, n := range e.Stats().Downs {
				out.sample(float64(n), upstream.Causes[i].String(), e.Name, route)
			}
		})
	}},
	{"weir_endpoint_transitions_total", counter, []string{"endpoint", "route"}, "times that the backend went down or came back", byEndpoint(func(_ *upstream.Endpoint, st upstream.EndpointStats) uint64 { return st.Transitions })},
	{"weir_retries_denied_total", counter, nil, "handshakes and plain requests that were not tried at another backend, since a fifth of those of the last 10 s had been already", once(func(m *Metrics) *atomic.Uint64 { return &m.RetriesDenied })},
	{"weir_lookup_failures_total", counter, []string{"host"}, "lookups of backends that led to none; `host` is a host name, the name of SRV records, a Kubernetes Service as `service.namespace:port`, or a file of `upstream-file`", lookups},
	{"weir_lookup_failing", gauge, []string{"host"}, "1 if the last lookup of backends led to none, so that the last set stays in use", lookupsFailing},
	{"weir_pool_connections", gauge, nil, "pooled connections that are ready for sessions", total(func(st *LoopStats) int { return st.Pools.Connections })},
	{"weir_pool_streams", gauge, nil, "sessions on pooled connections, including those being opened", total(func(st *LoopStats) int { return st.Pools.Streams })},
	{"weir_pool_connections_opened_total", counter, nil, "pooled connections made", total(func(st *LoopStats) uint64 { return st.Pools.Opened })},
	{"weir_pool_connections_lost_total", counter, nil, "pooled connections that broke", total(func(st *LoopStats) uint64 { return st.Pools.Lost })},
	{"weir_pool_goaways_total", counter, nil, "GOAWAY frames of backends", total(func(st *LoopStats) uint64 { return st.Pools.GoAways })},
	{"weir_pool_faults_total", counter, []string{"reason"}, "rules of HTTP/2 that backends broke, on a stream or a connection; `reason` begins with `h2_`, and `codec/h2/errors.go` explains it; `h2_settings_not_first` is also how a `ws+h2c://` backend shows that it wants tunnels", byReason(knownPoolFaults, ofLoops(func(st *LoopStats) map[string]uint64 { return st.Pools.Faults }))},

	{"weir_compute_running", gauge, nil, "TLS handshakes, passwords and signatures that are being computed", value(func(s *Scrape) int { return s.Compute.Taken() })},
	{"weir_compute_waiting", gauge, nil, "TLS handshakes, passwords and signatures that wait for their turn to compute", value(func(s *Scrape) int { return s.Compute.Waiting() })},
	{"weir_tls_handshakes_total", counter, []string{"version", "resumed"}, "TLS handshakes with clients that succeeded", tallied(knownTLS, ofLoops(func(st *LoopStats) map[tlsKey]uint64 { return st.Secured }), tlsKey.compare, tlsKey.labels)},
	{"weir_tls_handshake_failures_total", counter, []string{"reason"}, "TLS handshakes with clients that failed; a client that never sent a byte is not counted", byReason(knownTLSFailures, ofLoops(func(st *LoopStats) map[string]uint64 { return st.TLSFailed }))},
	{"weir_tls_handshakes_running", gauge, nil, "TLS handshakes under way, including those that wait for the client", handshaking((*netpoll.Handshakes).Running)},
	{"weir_tls_handshakes_waiting", gauge, nil, "TLS handshakes held back by `tls-handshakes`", handshaking((*netpoll.Handshakes).Waiting)},
	{"weir_tls_certificate_expires_seconds", gauge, []string{"name"}, "Unix time at which a served certificate expires, in seconds; `name` is the certificate's first name", certificates},
	{"weir_tls_reloads_total", counter, nil, "files of certificates, keys, authorities or ticket keys whose new content was put into use", once(func(m *Metrics) *atomic.Uint64 { return &m.TLSReloads })},
	{"weir_tls_reload_failures_total", counter, nil, "files of certificates, keys, authorities or ticket keys that could not be read again, including those for backends; a file that stays broken counts once, and again at each SIGHUP", once(func(m *Metrics) *atomic.Uint64 { return &m.TLSReloadFailures })},
	{"weir_acme_certificates_total", counter, nil, "certificates obtained or renewed by ACME", once(func(m *Metrics) *atomic.Uint64 { return &m.ACMEObtained })},
	{"weir_acme_failures_total", counter, nil, "failures to obtain or renew a certificate by ACME", once(func(m *Metrics) *atomic.Uint64 { return &m.ACMEFailures })},

	{"weir_auth_key_fetch_failures_total", counter, nil, "fetches of key sets (`jwt-jwks-url`) that failed; the last set stays in use, if there was one", once(func(m *Metrics) *atomic.Uint64 { return &m.FetchFailures })},
	{"weir_auth_service_failures_total", counter, nil, "calls of `auth-url` that decided nothing: no answer, or another status than 2xx, 401 and 403", once(func(m *Metrics) *atomic.Uint64 { return &m.Silences })},
	{"weir_access_reloads_total", counter, nil, "files of addresses, token keys, API keys or users whose new content was put into use", once(func(m *Metrics) *atomic.Uint64 { return &m.AccessReloads })},
	{"weir_access_reload_failures_total", counter, nil, "files of addresses, token keys, API keys or users that could not be read again; counted like `weir_tls_reload_failures_total`", once(func(m *Metrics) *atomic.Uint64 { return &m.AccessReloadFailures })},

	{"weir_http_connections", gauge, nil, "client connections with plain HTTP", value(func(s *Scrape) int { return s.Web.Active })},
	{"weir_http_connections_total", counter, nil, "client connections that carried plain HTTP", value(func(s *Scrape) uint64 { return s.Web.Accepted })},
	{"weir_http_requests_in_flight", gauge, nil, "plain requests under way, which `max-requests` bounds", value(func(s *Scrape) int { return s.Requests })},
	{"weir_http_upgrades_total", counter, nil, "client connections with plain HTTP that became a WebSocket later", value(func(s *Scrape) uint64 { return s.Web.Upgrades })},
	{"weir_http_requests_total", counter, []string{"status"}, "plain requests by the status of their answer, as `2xx`; `none`: there was no answer", each(func(s *Scrape, sample func(string, uint64)) {
		for class, n := range s.Web.Requests {
			sample(strings.Replace(strconv.Itoa(class)+"xx", "0xx", "none", 1), n)
		}
	})},
	{"weir_http_failures_total", counter, []string{"reason"}, "plain requests that the gateway refused or that broke off", byReason(knownHTTPFailures, func(s *Scrape) map[string]uint64 { return s.Web.ByReason })},
	{"weir_http_body_bytes_total", counter, []string{"direction"}, "bytes of the bodies of plain requests (`up`) and their answers (`down`)", each(func(s *Scrape, sample func(string, uint64)) {
		sample("up", s.Web.BytesUp)
		sample("down", s.Web.BytesDown)
	})},

	{"weir_loop_busy_seconds_total", counter, []string{"loop"}, "estimate of the time that a loop spent handling events; its rate is the loop's load, 1 at most", byLoop(func(st *LoopStats) float64 { return st.Loop.Busy.Seconds() })},
	{"weir_loop_events_total", counter, []string{"loop"}, "readiness events handled", byLoop(func(st *LoopStats) uint64 { return st.Loop.Events })},
	{"weir_loop_writes_total", counter, []string{"loop"}, "system calls that sent", byLoop(func(st *LoopStats) uint64 { return st.Loop.Writes })},
	{"weir_loop_sessions", gauge, []string{"loop"}, "client connections on the loop", byLoop(func(st *LoopStats) int { return st.Sessions })},
	{"weir_metrics_push_failures_total", counter, nil, "pushes to `metrics-push-url` that failed", once(func(m *Metrics) *atomic.Uint64 { return &m.pushFailures })},
	{"weir_log_lines_dropped_total", counter, []string{"kind"}, "log lines dropped because the reader of standard error was too slow; `kind` is `access` or `other`; a later log line has their number", each(func(s *Scrape, sample func(string, uint64)) {
		access, other := s.Lines.Dropped()
		sample("access", access)
		sample("other", other)
	})},
}
