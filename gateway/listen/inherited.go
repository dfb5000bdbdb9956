package listen

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"weir/gateway/plan"
	"weir/gateway/session"
	"weir/internal/handover"
	"weir/netpoll"
)

// Inherit finds the address that each inherited socket is for; nil: there is none. Of the process before, what is no longer
// listened on is closed; systemd's sockets all have a place in the configuration, or were not meant for it.
func (l *Listeners) Inherit(in *handover.Inherited) error {
	if in == nil {
		return nil
	}
	wanted, err := l.wanted()
	if err != nil {
		return err
	}
	l.inherited = map[netpoll.Addr][]*os.File{}
	var strangers []error
	for _, f := range in.Listeners {
		at, err := netpoll.ListensOn(int(f.Fd()))
		if err != nil {
			return fmt.Errorf("an inherited socket: %w", err)
		}
		addr, ok := Among(wanted, at)
		switch {
		case ok:
			l.inherited[addr] = append(l.inherited[addr], f)
		case in.State.PID != 0:
			l.log.Info("closed an inherited listener that the configuration does not name", "address", at.String())
			_ = f.Close()
		default:
			strangers = append(strangers, fmt.Errorf("systemd opened %s, which neither listen nor tls-listen names", at))
		}
	}
	return errors.Join(strangers...)
}

// wanted are all addresses that the configuration listens on.
func (l *Listeners) wanted() (all []netpoll.Addr, err error) {
	for _, text := range append(append([]string{}, l.cfg.Listen...), l.cfg.TLSListen...) {
		addr, err := Resolve(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		all = append(all, addr)
	}
	return all, nil
}

// Among finds the address that means the same as at: an unspecified one means all addresses of both families, however it
// is written, and port 0 any port.
func Among(wanted []netpoll.Addr, at netpoll.Addr) (netpoll.Addr, bool) {
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

// Share are the descriptors that loop i of n brings into a file table of its own.
func (l *Listeners) Share(i, n int) (fds []int) {
	for _, files := range l.inherited {
		for _, f := range deal(files, i, n) {
			fds = append(fds, int(f.Fd()))
		}
	}
	return fds
}

// goOn has every loop accept from its share of the sockets that were opened for addr.
func (l *Listeners) goOn(a plan.Address, addr netpoll.Addr) error {
	for i, sh := range l.shards {
		for _, f := range deal(l.inherited[addr], i, len(l.shards)) {
			ln := &session.Listener{Shard: sh, Name: a.Name}
			var err error
			if stopped := sh.Loop.Do(func() { err = ln.TakeOver(f) }); stopped != nil || err != nil {
				return fmt.Errorf("cannot go on listening on %s: %w", a.Text, cmp.Or(err, stopped))
			}
			addr = ln.Local
		}
	}
	l.addrs[a.Name] = addr.Net()
	return nil
}

// CloseInherited closes the process's copies, once the loops have theirs.
func (l *Listeners) CloseInherited() {
	for _, files := range l.inherited {
		for _, f := range files {
			_ = f.Close()
		}
	}
	l.inherited = nil
}

// Files are copies of all sockets, for a successor. They are the caller's to close, also those beside an error.
func (l *Listeners) Files() (files []*os.File, err error) {
	for _, sh := range l.shards {
		var all []*session.Listener
		if err := sh.Loop.Do(func() { all = append(all, sh.Listeners...) }); err != nil {
			return files, err
		}
		for _, ln := range all {
			f, err := ln.Socket.File()
			if err != nil {
				return files, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}
