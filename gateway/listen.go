package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"weir/netpoll"
)

// listen opens every address on every loop. The first loop finds the port where it was left open.
func (g *Gateway) listen() error {
	for _, text := range g.cfg.Listen {
		if err := g.listenOn("listen", text, nil); err != nil {
			return err
		}
	}
	for _, text := range g.cfg.TLSListen {
		if err := g.listenOn("tls-listen", text, g.serverTLS); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) listenOn(knob, text string, secure *netpoll.TLS) error {
	addr, err := listenAddr(text)
	if err != nil {
		return fmt.Errorf("%s: %q: %w", knob, text, err)
	}
	if files := g.sockets[addr]; len(files) > 0 {
		return g.listenOnInherited(knob, text, addr, secure)
	}
	shards := g.shards
	if addr.Path != "" && g.cfg.LoopFileTables && len(shards) > 1 {
		shards = shards[:1] // no socket is in two tables, and a path has no SO_REUSEPORT
	}
	var first *netpoll.Listener
	for _, sh := range shards {
		d := &door{tls: secure}
		d.lane = lane{shard: sh, door: d}
		if stopped := sh.loop.Do(func() { err = d.open(addr, first) }); stopped != nil || err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%w: by another program, or a weir of another user", err)
			}
			return fmt.Errorf("%s: cannot listen on %s: %w", knob, text, cmp.Or(err, stopped))
		}
		if first == nil {
			first, addr = d.listener, d.local
		}
	}
	if addr.Path != "" {
		if err := os.Chmod(addr.Path, os.FileMode(g.cfg.UnixMode)); err != nil {
			return fmt.Errorf("%s: %s: %w", knob, text, err)
		}
	}
	g.addrs = append(g.addrs, addr.Net())
	return nil
}

// open runs on the door's loop. Only one listener can be bound to a unix socket; the others share it.
func (d *door) open(addr netpoll.Addr, first *netpoll.Listener) (err error) {
	sh := d.lane.shard
	if addr.Path != "" && first != nil {
		d.listener, err = sh.loop.ListenShared(first, d)
	} else {
		d.listener, err = sh.loop.Listen(addr, d)
	}
	if err == nil {
		d.local = d.listener.Addr()
		sh.doors = append(sh.doors, d)
	}
	return err
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
