package listen

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"weir/gateway/config"
	"weir/gateway/plan"
	"weir/gateway/session"
	"weir/netpoll"
)

// Listeners are those of a gateway, on all loops. One goroutine at a time.
type Listeners struct {
	cfg       *config.Config // of the process's start
	log       *slog.Logger
	shards    []*session.Shard
	addrs     map[string]net.Addr // that are listened on, by the name of the address
	inherited map[netpoll.Addr][]*os.File
}

// New has nothing listen yet.
func New(cfg *config.Config, log *slog.Logger) *Listeners {
	return &Listeners{cfg: cfg, log: log, addrs: map[string]net.Addr{}}
}

// Open opens the addresses of p that are not listened on, on every loop. The first loop finds the port where it was
// left open. Clients wait until the loop adopts p. After an error none of them is open.
func (l *Listeners) Open(shards []*session.Shard, p *plan.Plan) error {
	l.shards = shards
	var opened []string
	for _, a := range p.Addresses() {
		if _, open := l.addrs[a.Name]; open {
			continue
		}
		opened = append(opened, a.Name)
		if err := l.open(a); err != nil {
			for _, sh := range shards {
				_ = sh.Loop.Do(func() { sh.CloseListeners(func(ln *session.Listener) bool { return slices.Contains(opened, ln.Name) }) })
			}
			for _, name := range opened {
				delete(l.addrs, name)
			}
			return p.Config.Blame(&config.KnobError{Knob: a.Knob(), Err: err})
		}
	}
	return nil
}

// Keep forgets the addresses that p does not listen on, which the loops close as they adopt p.
func (l *Listeners) Keep(p *plan.Plan) {
	kept := map[string]net.Addr{}
	for _, a := range p.Addresses() {
		kept[a.Name] = l.addrs[a.Name]
	}
	l.addrs = kept
}

// Addrs are those of p that are listened on, in the order of the configuration.
func (l *Listeners) Addrs(p *plan.Plan) (all []net.Addr) {
	for _, a := range p.Addresses() {
		if addr := l.addrs[a.Name]; addr != nil {
			all = append(all, addr)
		}
	}
	return all
}

func (l *Listeners) open(a plan.Address) error {
	addr, err := Resolve(a.Text)
	if err != nil {
		return fmt.Errorf("%q: %w", a.Text, err)
	}
	if files := l.inherited[addr]; len(files) > 0 {
		return l.goOn(a, addr)
	}
	shards := l.shards
	if addr.Path != "" && l.cfg.LoopFileTables && len(shards) > 1 {
		shards = shards[:1] // no socket is in two tables, and a path has no SO_REUSEPORT
	}
	var first *netpoll.Listener
	for _, sh := range shards {
		ln := &session.Listener{Shard: sh, Name: a.Name}
		if stopped := sh.Loop.Do(func() { err = ln.Open(addr, first) }); stopped != nil || err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%w: by another program, or a weir of another user", err)
			}
			return fmt.Errorf("cannot listen on %s: %w", a.Text, cmp.Or(err, stopped))
		}
		if first == nil {
			first, addr = ln.Socket, ln.Local
		}
	}
	if addr.Path != "" {
		if err := os.Chmod(addr.Path, os.FileMode(l.cfg.UnixMode)); err != nil {
			return fmt.Errorf("%s: %w", a.Text, err)
		}
	}
	l.addrs[a.Name] = addr.Net()
	return nil
}

// Leave has all loops stop accepting without closing a socket, which a successor accepts from.
func (l *Listeners) Leave() {
	for _, sh := range l.shards {
		_ = sh.Loop.Do(func() {
			for _, ln := range sh.Listeners {
				ln.Socket.Leave()
			}
			sh.Listeners = nil
		})
	}
}

// Resolve reads "host:port" or "unix:/path"; without a host all addresses of both families are meant.
func Resolve(text string) (netpoll.Addr, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return netpoll.Unix(path), nil
	}
	tcp, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		return netpoll.Addr{}, err
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	if !ip.IsValid() {
		ip = netip.IPv6Unspecified()
	}
	return netpoll.IP(netip.AddrPortFrom(ip.Unmap().WithZone(tcp.Zone), uint16(tcp.Port))), nil
}
