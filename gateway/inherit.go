package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"weir/internal/handover"
	"weir/netpoll"
)

// An Option is what New may be told besides the configuration.
type Option func(*Gateway)

// Inherit has the gateway go on with what another process opened or made: listening sockets, the admin listener, keys.
func Inherit(in *handover.Inherited) Option {
	return func(g *Gateway) { g.inherited = in }
}

// OnUpgrade is what POST /upgrade calls: it starts this process's successor, and returns once that serves.
func OnUpgrade(do func() (pid int, err error)) Option {
	return func(g *Gateway) { g.onUpgrade = do }
}

// OnDrain is called once, when a drain begins, whatever asked for it.
func OnDrain(do func()) Option {
	return func(g *Gateway) { g.onDrain = do }
}

// takeKeys goes on with the keys that the process before made at its start.
func (g *Gateway) takeKeys() error {
	if g.inherited == nil {
		return nil
	}
	s := &g.inherited.State
	if len(s.StickyKey) > 0 && g.cfg.StickyKey == "" {
		g.proc.stickyKey = s.StickyKey
	}
	if len(s.Tickets) == 0 {
		return nil
	}
	return json.Unmarshal(s.Tickets, g.proc.ticketSecrets)
}

// inheritedSockets are the listening sockets that were opened before, by the address that the configuration has for them.
type inheritedSockets map[netpoll.Addr][]*os.File

// sortInherited finds the address that each inherited socket is for. Of the process before, what is no longer listened
// on is closed; systemd's sockets all have a place in the configuration, or were not meant for it.
func (g *Gateway) sortInherited() error {
	if g.inherited == nil {
		return nil
	}
	wanted, err := g.addresses()
	if err != nil {
		return err
	}
	g.sockets = inheritedSockets{}
	var strangers []error
	for _, f := range g.inherited.Listeners {
		at, err := netpoll.ListensOn(int(f.Fd()))
		if err != nil {
			return fmt.Errorf("an inherited socket: %w", err)
		}
		addr, ok := among(wanted, at)
		switch {
		case ok:
			g.sockets[addr] = append(g.sockets[addr], f)
		case g.inherited.State.PID != 0:
			g.proc.log.Info("no longer listened on", "address", at.String())
			_ = f.Close()
		default:
			strangers = append(strangers, fmt.Errorf("systemd opened %s, which neither listen nor tls-listen names", at))
		}
	}
	return errors.Join(strangers...)
}

// addresses are all that the configuration listens on.
func (g *Gateway) addresses() (all []netpoll.Addr, err error) {
	for _, text := range append(append([]string{}, g.cfg.Listen...), g.cfg.TLSListen...) {
		addr, err := listenAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		all = append(all, addr)
	}
	return all, nil
}

// among finds the address that means the same as at: an unspecified one means all addresses of both families, however it
// is written, and port 0 any port.
func among(wanted []netpoll.Addr, at netpoll.Addr) (netpoll.Addr, bool) {
	for _, exact := range []bool{true, false} {
		for _, w := range wanted {
			if w == at || !exact && w.Path == "" && at.Path == "" && sameHost(w.Addr(), at.Addr()) && (w.Port() == at.Port() || w.Port() == 0) {
				return w, true
			}
		}
	}
	return netpoll.Addr{}, false
}

func sameHost(a, b netip.Addr) bool {
	return a == b || a.IsUnspecified() && b.IsUnspecified()
}

// deal gives loop i of n its share of the sockets: each is somebody's, and each loop has one, if need be together with
// others.
func deal(files []*os.File, i, n int) (share []*os.File) {
	if len(files) == 0 {
		return nil
	}
	for j := i; j < len(files); j += n {
		share = append(share, files[j])
	}
	if share == nil {
		share = append(share, files[i%len(files)])
	}
	return share
}

// kept are the descriptors that loop i of n brings into a file table of its own.
func (s inheritedSockets) kept(i, n int) (fds []int) {
	for _, files := range s {
		for _, f := range deal(files, i, n) {
			fds = append(fds, int(f.Fd()))
		}
	}
	return fds
}

// listenOnInherited has every loop accept from its share of the sockets that were opened for addr.
func (g *Gateway) listenOnInherited(w wanted, addr netpoll.Addr) error {
	for i, sh := range g.shards {
		for _, f := range deal(g.sockets[addr], i, len(g.shards)) {
			d := &door{shard: sh, name: w.name}
			var err error
			if stopped := sh.loop.Do(func() { err = d.takeOver(f) }); stopped != nil || err != nil {
				return fmt.Errorf("cannot go on listening on %s: %w", w.text, cmp.Or(err, stopped))
			}
			addr = d.local
		}
	}
	g.addrs[w.name] = addr.Net()
	return nil
}

// close closes the process's copies, once the loops have theirs.
func (s inheritedSockets) close() {
	for _, files := range s {
		for _, f := range files {
			_ = f.Close()
		}
	}
}
