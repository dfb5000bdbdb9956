package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"weir/gateway/config"
	"weir/netpoll"
)

// openListeners opens the addresses of p that are not listened on, on every loop. The first loop finds the port where it was
// left open. After an error none of them is.
func (g *Gateway) openListeners(p *plan) error {
	var opened []string
	for _, w := range p.listensOn() {
		if _, open := g.addrs[w.name]; open {
			continue
		}
		opened = append(opened, w.name)
		if err := g.listenOn(w); err != nil {
			for _, sh := range g.shards {
				_ = sh.loop.Do(func() { sh.closeDoors(func(d *door) bool { return slices.Contains(opened, d.name) }) })
			}
			for _, name := range opened {
				delete(g.addrs, name)
			}
			return p.cfg.Blame(&config.KnobError{Knob: w.knob(), Err: err})
		}
	}
	return nil
}

// forgetListeners drops the addresses that p does not listen on.
func (g *Gateway) forgetListeners(p *plan) {
	kept := map[string]net.Addr{}
	for _, w := range p.listensOn() {
		kept[w.name] = g.addrs[w.name]
	}
	g.addrs = kept
}

func (g *Gateway) listenOn(w wanted) error {
	text := w.text
	addr, err := listenAddr(text)
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	if files := g.sockets[addr]; len(files) > 0 {
		return g.listenOnInherited(w, addr)
	}
	shards := g.shards
	if addr.Path != "" && g.cfg.LoopFileTables && len(shards) > 1 {
		shards = shards[:1] // no socket is in two tables, and a path has no SO_REUSEPORT
	}
	var first *netpoll.Listener
	for _, sh := range shards {
		d := &door{shard: sh, name: w.name}
		if stopped := sh.loop.Do(func() { err = d.open(addr, first) }); stopped != nil || err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%w: by another program, or a weir of another user", err)
			}
			return fmt.Errorf("cannot listen on %s: %w", text, cmp.Or(err, stopped))
		}
		if first == nil {
			first, addr = d.listener, d.local
		}
	}
	if addr.Path != "" {
		if err := os.Chmod(addr.Path, os.FileMode(g.cfg.UnixMode)); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	g.addrs[w.name] = addr.Net()
	return nil
}

// listenAddr reads "host:port" or "unix:/path"; without a host all addresses of both families are meant.
func listenAddr(text string) (netpoll.Addr, error) {
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
