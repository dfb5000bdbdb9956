//go:build linux

package peers

import (
	"context"
	"embed"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/template"

	"weir/bench/load"
)

//go:embed *.tmpl
var files embed.FS

var templates = template.Must(template.ParseFS(files, "*.tmpl"))

// Place is where a peer stands.
type Place struct {
	Backend     netip.AddrPort // of no meaning to an echo backend
	Files       uint64         // descriptors it may open
	Certificate *Certificate   // to be shown to clients, who come with TLS; nil: they do not

	Settles bool // Settle will be asked for

	// Chosen by Start.
	Listen netip.AddrPort
	Admin  netip.AddrPort // free for the peer's own use
	Dir    string         // its own, empty but for the certificate, removed afterwards

	// Chosen by the peer.
	Buffer string // of nginx, for each direction of a client; empty for its default
	Pooled bool   // of HAProxy: the backend speaks RFC 8441
}

// Chain and Key are the files of the certificate.
func (p Place) Chain() string { return chainFile(p.Dir) }
func (p Place) Key() string   { return keyFile(p.Dir) }

// spare descriptors are kept for the process itself, and for a pool's connections.
const spare = 200

// Clients is how many clients the descriptors allow.
func (p Place) Clients() uint64 {
	n := p.Files - min(p.Files, spare)
	if p.Pooled {
		return n
	}
	return n / 2
}

// Peer is a gateway that can be started.
type Peer struct {
	Name string
	// Command is the program and its arguments. Nil: no gateway, clients reach the backend itself.
	Command func(Place) ([]string, error)
	// Program is looked for in the path and, unless it is there, the peer cannot run; empty: no such need.
	Program string
	// Env is added to the environment, each of the form NAME=value.
	Env []string
	// Hear is shown each line that the process says; those it takes are not among its last words. It may be nil.
	Hear func(line []byte) (taken bool)
	// Only are the scenarios this peer is for; empty for all.
	Only []string
	// Pooled peers reach a backend that speaks RFC 8441, many clients over one connection.
	Pooled bool
	// TLS peers can show their clients a certificate.
	TLS bool
	// Probe tells whether the process answers; nil is an upgrade.
	Probe func(load.Target, context.Context) error
	// Settle has a peer that has one collect its garbage, and counts its goroutines; it may be nil.
	Settle func(context.Context, Place) (goroutines int, err error)
}

// Serves reports whether a process with that limit of descriptors can have so many clients.
func (p Peer) Serves(clients int, files uint64) bool {
	oneEach := p.Pooled || p.Command == nil
	return uint64(clients) <= Place{Files: files, Pooled: oneEach}.Clients()
}

// In reports whether the peer takes part in a scenario.
func (p Peer) In(scenario string) bool { return len(p.Only) == 0 || slices.Contains(p.Only, scenario) }

// Missing is an error if the peer's program is not installed.
func (p Peer) Missing() error {
	if p.Program == "" {
		return nil
	}
	_, err := exec.LookPath(p.Program)
	return err
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
func Nginx() Peer { return Peer{Name: "nginx", Program: "nginx", Command: nginx(""), TLS: true} }

// NginxLarge is nginx with buffers that hold a large message, which every idle client would pay for.
func NginxLarge(scenario string) Peer {
	return Peer{Name: "nginx, 64k buffers", Program: "nginx", Command: nginx("64k"), Only: []string{scenario}}
}

func nginx(buffer string) func(Place) ([]string, error) {
	return func(p Place) ([]string, error) {
		p.Buffer = buffer
		conf, err := p.render("nginx.conf")
		return []string{"nginx", "-p", p.Dir, "-e", "stderr", "-c", conf}, err
	}
}

// HAProxy is haproxy from the path, with one thread and one backend connection a client.
func HAProxy() Peer {
	return Peer{Name: "HAProxy", Program: "haproxy", Command: haproxy(false), TLS: true}
}

// HAProxyPool is the same with its clients pooled over RFC 8441.
func HAProxyPool() Peer {
	return Peer{Name: "HAProxy pool", Program: "haproxy", Command: haproxy(true), Pooled: true, TLS: true}
}

func haproxy(pooled bool) func(Place) ([]string, error) {
	return func(p Place) ([]string, error) {
		p.Pooled = pooled
		conf, err := p.render("haproxy.cfg")
		return []string{"haproxy", "-db", "-q", "-f", conf}, err
	}
}

// EchoH2C is the backend of pooled peers, served by this program.
func EchoH2C(self string) Peer {
	return Peer{Name: "h2c echo backend", Probe: load.Target.ProbeH2C, Command: func(p Place) ([]string, error) {
		return []string{self, "serve-echo", "--h2c", "--listen", p.Listen.String()}, nil
	}}
}

// Echo is the backend of all others, served by this program.
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
