//go:build linux

package peers

import (
	"embed"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed *.tmpl
var files embed.FS

var templates = template.Must(template.ParseFS(files, "*.tmpl"))

// Place is where a peer stands.
type Place struct {
	Listen  netip.AddrPort
	Backend netip.AddrPort
	Dir     string // its own, empty, removed afterwards
	Files   uint64 // descriptors it may open
	Buffer  string // of nginx, for each direction of a client; empty for its default
}

// Clients is how many clients the descriptors allow, two each, with some kept for the process.
func (p Place) Clients() uint64 { return (p.Files - min(p.Files, 200)) / 2 }

// Peer is a gateway that can be started.
type Peer struct {
	Name string
	// Command is the program and its arguments. Nil: no gateway, clients reach the backend itself.
	Command func(Place) ([]string, error)
	// Only names the one scenario this peer is for; empty for all.
	Only string
}

// Direct is no gateway at all: what the load and the backend can do between themselves.
func Direct() Peer { return Peer{Name: "direct"} }

// Relay is the bare relay of this program, given by its path.
func Relay(self string) Peer {
	return Peer{Name: "L4 relay", Command: func(p Place) ([]string, error) {
		return []string{self, "serve-relay", "--listen", p.Listen.String(), "--to", p.Backend.String()}, nil
	}}
}

// Nginx is nginx from the path, with one worker.
func Nginx() Peer { return Peer{Name: "nginx", Command: nginx("")} }

// NginxLarge is nginx with buffers that hold a large message, which every idle client would pay for.
func NginxLarge(scenario string) Peer {
	return Peer{Name: "nginx, 64k buffers", Command: nginx("64k"), Only: scenario}
}

func nginx(buffer string) func(Place) ([]string, error) {
	return func(p Place) ([]string, error) {
		p.Buffer = buffer
		conf, err := p.render("nginx.conf")
		return []string{"nginx", "-p", p.Dir, "-e", "stderr", "-c", conf}, err
	}
}

// HAProxy is haproxy from the path, with one thread.
func HAProxy() Peer {
	return Peer{Name: "HAProxy", Command: func(p Place) ([]string, error) {
		conf, err := p.render("haproxy.cfg")
		return []string{"haproxy", "-db", "-q", "-f", conf}, err
	}}
}

// Weir is the gateway at that path, with one loop and all else as users run it.
func Weir(path string) Peer {
	return Peer{Name: "weir", Command: func(p Place) ([]string, error) {
		return []string{path, "--loops", "1", "--upstream", "ws://" + p.Backend.String(), "--listen", p.Listen.String(),
			"--admin", "off", "--access-log", "off", "--health-interval", "0"}, nil
	}}
}

// Echo is the backend, served by this program.
func Echo(self string) Peer {
	return Peer{Name: "echo backend", Command: func(p Place) ([]string, error) {
		return []string{self, "serve-echo", "--listen", p.Listen.String()}, nil
	}}
}

// render writes the named template's file into the peer's directory.
func (p Place) render(name string) (path string, err error) {
	path = filepath.Join(p.Dir, name)
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := templates.ExecuteTemplate(f, name+".tmpl", p); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return path, nil
}
