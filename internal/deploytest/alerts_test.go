package deploytest

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A case has series take a course (in promtool's words, a value each minute) that fires an alert, or that must not. All
// other series stay what a gateway begins with; where something fires, series by reason that stay 0 are left out for speed.
type alertCase struct {
	fires   []string // by the end of the time
	quiet   bool     // nothing fires
	minutes int      // of time; 0: half an hour
	input   map[string]string
}

const day = 86400

var alertCases = map[string]alertCase{
	"nothing happens":                {quiet: true},
	"a good day":                     {quiet: true, input: map[string]string{"weir_connections_accepted_total": "0+600x30", `weir_sessions_closed_total{reason="client_close",code="1000"}`: "0+600x30", `weir_tls_handshakes_total{version="TLS 1.3",resumed="false"}`: "0+600x30"}},
	"balancers look at the port":     {quiet: true, input: map[string]string{"weir_connections_accepted_total": "0+600x30", `weir_sessions_refused_total{reason="nothing_sent"}`: "0+600x30"}},
	"the process is gone":            {fires: []string{"WeirDown"}, input: map[string]string{"up": "0x30"}},
	"one backend is down":            {fires: []string{"WeirEndpointDown"}, input: map[string]string{"weir_endpoint_healthy first": "0x30"}},
	"all backends are down":          {fires: []string{"WeirEndpointDown", "WeirNoHealthyEndpoint"}, input: map[string]string{"weir_endpoint_healthy": "0x30"}},
	"a backend comes and goes":       {fires: []string{"WeirEndpointFlapping"}, input: map[string]string{"weir_endpoint_transitions_total first": "0+1x30"}},
	"a name cannot be looked up":     {fires: []string{"WeirBackendNameUnresolved"}, input: map[string]string{"weir_lookup_failures_total": "0+2x30"}},
	"backends refuse connections":    {fires: []string{"WeirBackendHandshakesFail"}, input: map[string]string{"weir_connections_accepted_total": "0+600x30", `weir_sessions_refused_total{reason="backend_connect_failed"}`: "0+60x30"}},
	"backends vanish":                {fires: []string{"WeirBackendsDropSessions"}, input: map[string]string{`weir_sessions_closed_total{reason="client_close",code="1000"}`: "0+600x30", `weir_sessions_closed_total{reason="backend_lost",code="1011"}`: "0+300x30"}},
	"a few moves are refused":        {quiet: true, input: map[string]string{`weir_moves_total{reason="manual",outcome="moved"}`: "0+600x30", `weir_moves_total{reason="manual",outcome="refused"}`: "0+6x30"}},
	"moves are refused":              {fires: []string{"WeirMovesFail"}, input: map[string]string{`weir_moves_total{reason="manual",outcome="moved"}`: "0+60x30", `weir_moves_total{reason="manual",outcome="refused"}`: "0+60x30"}},
	"a backend is ejected":           {fires: []string{"WeirEndpointEjected"}, input: map[string]string{"weir_endpoint_downs_total": "0x25 1x5"}},
	"backends have their most":       {fires: []string{"WeirEndpointsFull"}, input: map[string]string{`weir_sessions_refused_total{reason="endpoint_full"}`: "0x25 40x5"}},
	"retries are denied":             {fires: []string{"WeirRetriesDenied"}, input: map[string]string{"weir_retries_denied_total": "0+60x30"}},
	"pools break":                    {fires: []string{"WeirPoolsBreak"}, input: map[string]string{"weir_pool_connections_lost_total": "0+1x30"}},
	"the gateway is full":            {fires: []string{"WeirFull"}, input: map[string]string{`weir_sessions_refused_total{reason="too_many_connections"}`: "0+1x30"}},
	"one burst that is too much":     {fires: []string{"WeirFull"}, input: map[string]string{`weir_sessions_refused_total{reason="too_many_connections"}`: "0x27 40x3"}},
	"accepting pauses":               {fires: []string{"WeirOutOfDescriptors"}, input: map[string]string{"weir_accept_pauses_total": "0x27 1x3"}},
	"no socket for a backend":        {fires: []string{"WeirOutOfDescriptors"}, input: map[string]string{`weir_sessions_refused_total{reason="no_descriptors"}`: "0x27 1x3"}},
	"a loop is busy":                 {fires: []string{"WeirLoopSaturated"}, input: map[string]string{"weir_loop_busy_seconds_total": "0+57x30"}},
	"peers do not read":              {fires: []string{"WeirSlowReaders"}, input: map[string]string{"weir_buffered_bytes": "2000000000x30"}},
	"frames break rules":             {fires: []string{"WeirProtocolErrors"}, input: map[string]string{`weir_sessions_closed_total{reason="reserved_bits",code="1002"}`: "0+120x30"}},
	"the auth service is silent":     {fires: []string{"WeirCredentialsUnchecked"}, input: map[string]string{"weir_connections_accepted_total": "0+600x30", `weir_sessions_refused_total{reason="auth_unavailable"}`: "0+60x30"}},
	"no key set":                     {fires: []string{"WeirKeySetNotFetched"}, input: map[string]string{"weir_auth_key_fetch_failures_total": "0+1x30"}},
	"tokens are of another key":      {fires: []string{"WeirCredentialsRefused"}, input: map[string]string{"weir_connections_accepted_total": "0+600x30", `weir_sessions_refused_total{reason="auth_invalid"}`: "0+300x30"}},
	"clients send too much":          {fires: []string{"WeirMessageRates"}, input: map[string]string{`weir_sessions_closed_total{reason="message_rate",code="1008"}`: "0+60x30"}},
	"messages are dropped":           {fires: []string{"WeirMessageRates"}, input: map[string]string{`weir_messages_dropped_total{reason="message_rate"}`: "0+1200x30"}},
	"nobody reads the log":           {fires: []string{"WeirLogDrops"}, input: map[string]string{`weir_log_lines_dropped_total{kind="access"}`: "0+60x30"}},
	"a certificate ends in a week":   {fires: []string{"WeirCertificateExpires"}, minutes: 120, input: map[string]string{"weir_tls_certificate_expires_seconds": fmt.Sprint(7*day, "x120")}},
	"a certificate ends tomorrow":    {fires: []string{"WeirCertificateExpires", "WeirCertificateExpiresSoon"}, minutes: 120, input: map[string]string{"weir_tls_certificate_expires_seconds": fmt.Sprint(day, "x120")}},
	"a certificate cannot be read":   {fires: []string{"WeirReloadFails"}, input: map[string]string{"weir_tls_reload_failures_total": "0x20 1x10"}},
	"a list of users cannot be read": {fires: []string{"WeirReloadFails"}, input: map[string]string{"weir_access_reload_failures_total": "0x20 1x10"}},
	"the ACME authority refuses":     {fires: []string{"WeirACMEFails"}, input: map[string]string{"weir_acme_failures_total": "0x20 1x10"}},
	"a configuration has a mistake":  {fires: []string{"WeirConfigReloadFails"}, input: map[string]string{"weir_config_reload_failures_total": "0x20 1x10"}},
	"clients refuse the certificate": {fires: []string{"WeirTLSHandshakesFail"}, input: map[string]string{`weir_tls_handshakes_total{version="TLS 1.3",resumed="false"}`: "0+60x30", `weir_tls_handshake_failures_total{reason="client_alert"}`: "0+60x30"}},
	"every TLS handshake fails":      {fires: []string{"WeirTLSHandshakesFail"}, input: map[string]string{`weir_tls_handshake_failures_total{reason="client_alert"}`: "0+60x30"}},
	"TLS handshakes wait":            {fires: []string{"WeirTLSHandshakesWait"}, input: map[string]string{"weir_tls_handshakes_waiting": "3x30"}},
	"plain requests fail":            {fires: []string{"WeirHTTPErrors"}, input: map[string]string{`weir_http_requests_total{status="2xx"}`: "0+600x30", `weir_http_requests_total{status="5xx"}`: "0+60x30"}},
}

// TestAlerts runs all rules over what a gateway tells, with promtool: each alert fires where it should and nowhere else.
func TestAlerts(t *testing.T) {
	promtool(t, "", "check", "rules", top+"deploy/alerts.yaml")
	begin := asked(t, exposed(t))
	fired := map[string]bool{}
	var tests []any
	for _, name := range slices.Sorted(maps.Keys(alertCases)) {
		c := alertCases[name]
		if c.quiet != (len(c.fires) == 0) {
			t.Errorf("%s: neither quiet nor something that fires", name)
		}
		for _, alert := range c.fires {
			fired[alert] = true
		}
		tests = append(tests, c.test(t, name, begin))
	}
	for _, group := range alerts(t).Groups {
		for _, rule := range group.Rules {
			if !fired[rule.Alert] {
				t.Errorf("no case has %s fire", rule.Alert)
			}
		}
	}
	rules, err := filepath.Abs(top + "deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(map[string]any{"rule_files": []string{rules}, "evaluation_interval": "1m", "tests": tests})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "test", "rules", file)
}

// test is the case in promtool's words: at its end, those alerts fire that should.
func (c *alertCase) test(t *testing.T, name string, begin []string) any {
	t.Helper()
	minutes := cmp.Or(c.minutes, 30)
	input := []any{series("up", given(c.input, "up", fmt.Sprint("1x", minutes)))}
	used := map[string]bool{"up": true}
	for i, line := range begin {
		at := strings.LastIndexByte(line, ' ')
		id, value := line[:at], line[at+1:]
		metric, _, _ := strings.Cut(id, "{")
		course := value + fmt.Sprint("x", minutes)
		for _, key := range []string{id, metric, metric + " first"} {
			first := i == 0 || !strings.HasPrefix(begin[i-1], metric+"{")
			if _, ok := c.input[key]; ok && (first || !strings.HasSuffix(key, " first")) {
				course, used[key] = c.input[key], true
			}
		}
		if metric == "weir_tls_certificate_expires_seconds" && course == value+fmt.Sprint("x", minutes) {
			course = fmt.Sprint(90*day, "x", minutes) // promtool's time begins in 1970
		}
		if !c.quiet && strings.HasPrefix(metric, "weir_sessions_") && course == fmt.Sprint("0x", minutes) {
			continue
		}
		input = append(input, series(id, course))
	}
	for key := range c.input {
		if !used[key] {
			t.Errorf("%s: a gateway does not begin with %s", name, key)
		}
	}
	var firing []any
	for _, alert := range slices.Sorted(slices.Values(c.fires)) {
		firing = append(firing, map[string]any{"labels": fmt.Sprintf("{alertname=%q}", alert), "value": 1})
	}
	return map[string]any{"name": name, "interval": "1m", "input_series": input, "promql_expr_test": []any{map[string]any{
		"expr": `group by (alertname) (ALERTS{alertstate="firing"})`, "eval_time": fmt.Sprint(minutes, "m"), "exp_samples": firing,
	}}}
}

func given(input map[string]string, key, otherwise string) string {
	if course, ok := input[key]; ok {
		return course
	}
	return otherwise
}

// series adds the labels that Prometheus does.
func series(id, values string) any {
	name, labels, _ := strings.Cut(strings.TrimSuffix(id, "}"), "{")
	if labels != "" {
		labels += ","
	}
	return map[string]string{"series": fmt.Sprintf(`%s{%sjob="weir",instance="a"}`, name, labels), "values": values}
}

// asked are the samples of an exposition that some rule asks for.
func asked(t *testing.T, text string) (all []string) {
	t.Helper()
	names := map[string]bool{}
	for _, group := range alerts(t).Groups {
		for _, rule := range group.Rules {
			for _, name := range metricInQuery.FindAllString(rule.Expr, -1) {
				names[name] = true
			}
		}
	}
	for line := range strings.Lines(text) {
		if at := strings.IndexAny(line, "{ "); at > 0 && names[line[:at]] {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// TestMetricsArePrometheus: its own tool reads them, and finds nothing to say of ours.
func TestMetricsArePrometheus(t *testing.T) {
	var ours strings.Builder
	text := exposed(t)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "weir_") || strings.HasPrefix(line, "# HELP weir_") || strings.HasPrefix(line, "# TYPE weir_") {
			ours.WriteString(line)
		}
	}
	promtool(t, ours.String(), "check", "metrics")
	for name := range namesIn(text) {
		if !strings.Contains(text, "# HELP "+name+" ") || strings.Contains(text, "# HELP "+name+" \n") {
			t.Errorf("%s has no help", name)
		}
	}
}

// promtool runs Prometheus' tool.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: make deps installs it")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
