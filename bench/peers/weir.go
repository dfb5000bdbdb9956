//go:build linux

package peers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
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

// settleGo asks the profiles of a Go program: the one of the heap collects garbage first, the one
// of goroutines begins with "goroutine profile: total N".
func settleGo(ctx context.Context, p Place) (goroutines int, err error) {
	if _, err := profile(ctx, p, "heap?gc=1"); err != nil {
		return 0, err
	}
	text, err := profile(ctx, p, "goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Fscanf(bytes.NewReader(text), "goroutine profile: total %d", &goroutines); err != nil {
		return 0, fmt.Errorf("goroutine profile of %s: %w", p.Admin, err)
	}
	return goroutines, nil
}

func profile(ctx context.Context, p Place, name string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Admin.String()+"/debug/pprof/"+name, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", request.URL, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 1<<20))
}

// client keeps no connection, and so no goroutine on either side.
var client = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
