package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/gateway"
)

// plain keeps no connections, which the leak checks would count.
var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// ask sends a request to the admin listener and returns the status and the body.
func ask(t testing.TB, g *rig, method, path string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+g.AdminAddr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(r)
	}
	a, err := plain.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(body)
}

// metric is the value of one series, 0 if there is none yet. That /metrics shows the same is what TestMetrics looks at.
func metric(t testing.TB, g *rig, series string) float64 {
	t.Helper()
	for line := range strings.Lines(gateway.Metrics(g.Gateway)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return v
		}
	}
	return 0
}

// wantMetric waits until a series has the value: counters follow the bytes that clients see.
func wantMetric(t testing.TB, g *rig, series string, want float64) {
	t.Helper()
	var got float64
	if !eventually(func() bool { got = metric(t, g, series); return got == want }) {
		t.Errorf("%s is %v, want %v", series, got, want)
	}
}

// wantJSON reads a page of the admin listener into v.
func wantJSON(t testing.TB, g *rig, path string, v any) {
	t.Helper()
	status, body := ask(t, g, "GET", path)
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); status != 200 || err != nil {
		t.Fatalf("%s: status %d, %v in %s", path, status, err, body)
	}
}

// ended is the series of sessions that ended for a reason, with a code.
func ended(reason, code string) string {
	return `weir_sessions_closed_total{reason="` + reason + `",code="` + code + `"}`
}

// eventually asks again and again, for what shows in counters only.
func eventually(done func() bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}

// logs collects what several goroutines log.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func wantRefused(t testing.TB, g *rig, reason string, n int) {
	t.Helper()
	wantMetric(t, g, "weir_sessions_refused_total{reason="+strconv.Quote(reason)+"}", float64(n))
}
