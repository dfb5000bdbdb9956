//go:build linux

package peers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"
)

// Weir is the gateway at that path, with one loop, a tunnel for each client, and all else as users run it.
func Weir(path string) Peer {
	return Peer{Name: "weir", Command: weir(path, "ws://"), TLS: true, Settle: settleGo}
}

// WeirPool is the same with its clients pooled over RFC 8441.
func WeirPool(path string) Peer {
	return Peer{Name: "weir pool", Command: weir(path, "h2c://"), Pooled: true, TLS: true, Settle: settleGo}
}

func weir(path, scheme string) func(Place) ([]string, error) {
	return func(p Place) ([]string, error) {
		argv := []string{path, "--loops", "1", "--upstream", scheme + p.Backend.String(),
			"--access-log", "off", "--health-interval", "0", "--drain-timeout", "3s"}
		admin := "off"
		if p.Settles {
			admin = p.Admin.String()
		}
		argv = append(argv, "--admin", admin)
		if p.Certificate == nil {
			return append(argv, "--listen", p.Listen.String()), nil
		}
		return append(argv, "--listen", "127.0.0.1:0", "--tls-listen", p.Listen.String(),
			"--tls-cert", p.Chain(), "--tls-key", p.Key()), nil
	}
}

// settleGo has a Go program collect its garbage and asks its profile of goroutines, which begins with
// "goroutine profile: total N".
func settleGo(ctx context.Context, p Place) (goroutines int, err error) {
	if err := Collect(ctx, p.Admin); err != nil {
		return 0, err
	}
	text, err := Fetch(ctx, p.Admin, "/debug/pprof/goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(text, "goroutine profile: total %d", &goroutines); err != nil {
		return 0, fmt.Errorf("goroutine profile of %s: %w", p.Admin, err)
	}
	return goroutines, nil
}

// Collect has a Go program collect its garbage, as its profile of the heap does first.
func Collect(ctx context.Context, admin netip.AddrPort) error {
	_, err := Fetch(ctx, admin, "/debug/pprof/heap?gc=1")
	return err
}

const (
	maxAnswer   = 4 << 20
	fetchWithin = 10 * time.Second
)

// client keeps no connection, and so no goroutine on either side.
var client = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Fetch asks an admin listener for a path. An answer of more than maxAnswer bytes is an error, as cut short it would
// be wrong without a word.
func Fetch(ctx context.Context, admin netip.AddrPort, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin.String()+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s", request.URL, answer.Status)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("%s answered more than %d bytes", request.URL, maxAnswer)
	}
	return string(b), err
}
