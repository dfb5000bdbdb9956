package observe

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Pusher sends metrics to a URL at every interval. Neither the log nor the metrics tell the URL's query or password.
type Pusher struct {
	URL, Labels string
	Every       time.Duration
	Write       func(io.Writer) // the metrics, as text
	Metrics     *Metrics
	Log         *slog.Logger
}

// Run pushes until ctx ends.
func (p *Pusher) Run(ctx context.Context) {
	client := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	defer client.CloseIdleConnections()
	var often Limiter
	every := time.NewTicker(p.Every)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		err := p.push(ctx, client)
		if err == nil || ctx.Err() != nil {
			continue
		}
		p.Metrics.pushFailures.Add(1)
		if ok, held := often.Due(); ok {
			p.Log.Warn("metrics not pushed", "url", withoutSecrets(p.URL), "error", err, "left_out", held)
		}
	}
}

func (p *Pusher) push(ctx context.Context, client *http.Client) error {
	var text, body bytes.Buffer
	p.Write(&text)
	zip := gzip.NewWriter(&body)
	_, _ = zip.Write(labelled(text.Bytes(), p.Labels))
	_ = zip.Close()
	ctx, cancel := context.WithTimeout(ctx, p.Every+time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, &body)
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
