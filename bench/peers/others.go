//go:build linux

package peers

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
)

// oneProcessor is for programs in Go, which know no other way to be given one worker.
var oneProcessor = []string{"GOMAXPROCS=1"}

// Caddy is that program, as a proxy for plain HTTP in the given scenarios.
func Caddy(program string, only ...string) Peer {
	return Peer{Name: "Caddy", Program: program, Env: oneProcessor, Only: only, Command: func(p Place) ([]string, error) {
		conf, err := p.render("Caddyfile")
		return []string{program, "run", "--adapter", "caddyfile", "--config", conf}, err
	}}
}

// Traefik is traefik (version 3) from the path, as a proxy for plain HTTP in the given scenarios.
func Traefik(only ...string) Peer {
	return Peer{Name: "Traefik", Program: "traefik", Env: oneProcessor, Only: only, Command: func(p Place) ([]string, error) {
		if _, err := p.render("traefik-routes.yaml"); err != nil {
			return nil, err
		}
		conf, err := p.render("traefik.yaml")
		return []string{"traefik", "--configFile=" + conf}, err
	}}
}

// Envoy is envoy (API version 3) from the path, as a proxy for plain HTTP in the given scenarios.
func Envoy(only ...string) Peer {
	return Peer{Name: "Envoy", Program: "envoy", Only: only, Command: func(p Place) ([]string, error) {
		conf, err := p.render("envoy.yaml")
		return []string{"envoy", "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "--config-path", conf}, err
	}}
}

// FindCaddy is the caddy beside this program if there is one, else the one in the path.
func FindCaddy() string {
	self, err := os.Executable()
	if err != nil {
		return "caddy"
	}
	beside, _ := exec.LookPath(filepath.Join(filepath.Dir(self), "caddy"))
	return cmp.Or(beside, "caddy")
}

// Versions are the commands by which programs, among them the weir at that path, tell theirs.
func Versions(gateway string) map[string][]string {
	return map[string][]string{
		"nginx": {"nginx", "-v"}, "HAProxy": {"haproxy", "-v"}, "Caddy": {FindCaddy(), "version"},
		"Traefik": {"traefik", "version"}, "Envoy": {"envoy", "--version"}, "weir": {gateway, "version"},
	}
}
