package gateway_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/gateway"
	"weir/gateway/config"
)

// startReloading runs a gateway whose configuration the test changes. It begins with routes, written as in the file; each is
// one line of YAML.
func startReloading(t testing.TB, text string) *rig {
	t.Helper()
	return startReloadingWith(t, text, func(*config.Config) {})
}

const reloadBase = `
admin: 127.0.0.1:0
loops: 2
health-interval: 0
drain-timeout: 300ms
close-timeout: 200ms
access-log: off
defer-accept: 0
`

// startReloadingWith starts with what change makes of the configuration.
func startReloadingWith(t testing.TB, text string, change func(*config.Config)) *rig {
	t.Helper()
	var r *rig
	load := func() (*config.Config, error) { return r.next.Load(), nil }
	r = run(t, io.Discard, parse(t, text).With(change), gateway.OnReload(load, nil))
	return r
}

// parse reads a configuration for startReloading.
func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	listening := "listen: 127.0.0.1:0\n"
	if strings.Contains(text, "\nlisten:") {
		listening = ""
	}
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(reloadBase+listening+text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load([]string{"--config", path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// to puts another configuration into force.
func (r *rig) to(text string) gateway.Report {
	r.t.Helper()
	report, err := r.try(text)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// try is to for a configuration that may be refused.
func (r *rig) try(text string) (gateway.Report, error) {
	r.t.Helper()
	r.next.Store(parse(r.t, text))
	return r.Reload()
}
