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

	"weir/gateway/plan"
	"weir/gateway/session"
	"weir/netpoll"
)

// openListeners opens the addresses of p that are not listened on, on every loop. The first loop finds the port where it was
// left open. After an error none of them is.
func (g *Gateway) openListeners(p *plan.Plan) error {
	var opened []string
	for _, w := range p.Addresses() {
		if _, open := g.addrs[w.Name]; open {
			continue
		}
		opened = append(opened, w.Name)
		if err := g.listenOn(w); err != nil {
			for _, sh := range g.shards {
				_ = sh.Loop.Do(func() { sh.CloseListeners(func(d *session.Listener) bool { return slices.Contains(opened, d.Name) }) })
			}
			for _, name := range opened {
				delete(g.addrs, name)
			}
			return err
		}
	}
	return nil
}

// forgetListeners drops the addresses that p does not listen on.
func (g *Gateway) forgetListeners(p *plan.Plan) {
	kept := map[string]net.Addr{}
	for _, w := range p.Addresses() {
		kept[w.Name] = g.addrs[w.Name]
	}
	g.addrs = kept
}

func (g *Gateway) listenOn(w plan.Address) error {
	knob, text := "listen", w.Text
	if w.Secure {
		knob = "tls-listen"
	}
	addr, err := listenAddr(text)
	if err != nil {
		return fmt.Errorf("%s: %q: %w", knob, text, err)
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
		d := &session.Listener{Shard: sh, Name: w.Name}
		if stopped := sh.Loop.Do(func() { err = d.Open(addr, first) }); stopped != nil || err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%w: by another program, or a weir of another user", err)
			}
			return fmt.Errorf("%s: cannot listen on %s: %w", knob, text, cmp.Or(err, stopped))
		}
		if first == nil {
			first, addr = d.Socket, d.Local
		}
	}
	if addr.Path != "" {
		if err := os.Chmod(addr.Path, os.FileMode(g.cfg.UnixMode)); err != nil {
			return fmt.Errorf("%s: %s: %w", knob, text, err)
		}
	}
	g.addrs[w.Name] = addr.Net()
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
