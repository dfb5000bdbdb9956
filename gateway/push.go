package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// push sends all metrics to the URL of the configuration at every interval, until the gateway stops. Neither the
// log nor the metrics tell the URL's query or password.
func (g *Gateway) push() {
	client := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	defer client.CloseIdleConnections()
	var often seldom
	every := time.NewTicker(g.cfg.MetricsPushInterval)
	defer every.Stop()
	for {
		select {
		case <-g.running.Done():
			return
		case <-every.C:
		}
		err := g.pushOnce(client)
		if err == nil || g.running.Err() != nil {
			continue
		}
		g.metrics.pushFailures.Add(1)
		if ok, held := often.due(); ok {
			g.log.Warn("metrics not pushed", "url", withoutSecrets(g.cfg.MetricsPushURL), "error", err, "left_out", held)
		}
	}
}

func (g *Gateway) pushOnce(client *http.Client) error {
	var text, body bytes.Buffer
	g.writeMetrics(&text)
	zip := gzip.NewWriter(&body)
	_, _ = zip.Write(labelled(text.Bytes(), g.cfg.MetricsPushLabels))
	_ = zip.Close()
	ctx, cancel := context.WithTimeout(g.running, g.cfg.MetricsPushInterval+time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.cfg.MetricsPushURL, &body)
	if err != nil {
		return errors.New("not a URL") // its own words hold the query
	}
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("Content-Encoding", "gzip")
	answer, err := client.Do(r)
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("answered with status %d", answer.StatusCode)
	}
	return nil
}

// labelled adds labels, as 'a="b",c="d"', to every sample in Prometheus' text format.
func labelled(text []byte, labels string) []byte {
	if labels == "" {
		return text
	}
	var out []byte
	for line := range bytes.Lines(text) {
		name := bytes.IndexAny(line, "{ ")
		switch {
		case line[0] == '#' || name < 0:
			out = append(out, line...)
			continue
		case line[name] == '{':
			out = fmt.Appendf(out, "%s{%s,%s", line[:name], labels, line[name+1:])
		default:
			out = fmt.Appendf(out, "%s{%s}%s", line[:name], labels, line[name:])
		}
	}
	return out
}

// withoutSecrets is a URL as it may be shown.
func withoutSecrets(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
