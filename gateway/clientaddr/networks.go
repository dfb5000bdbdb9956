package clientaddr

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Sources say where lists of addresses stand. A list is all that its texts and its file hold.
type Sources struct {
	Allow, Deny         []string // as for ParseSet
	AllowFile, DenyFile string   // as for ReadSet; empty: none
}

// Networks are the addresses from which clients may come: those not denied and, where there is a list of allowed ones,
// in it.
type Networks struct {
	sources Sources // immutable
	reload  sync.Mutex
	lists   atomic.Pointer[lists] // any goroutine
}

type lists struct {
	allow *Set // nil: everyone
	deny  *Set
}

// Open reads both lists, 100,000 lines in some tens of milliseconds: not on a loop. A list of allowed addresses that
// turns out empty is an error, as it would refuse everybody.
func Open(from Sources) (*Networks, error) {
	n := &Networks{sources: from}
	if err := n.Reload(); err != nil {
		return nil, err
	}
	return n, nil
}

// Reload reads the files again. After an error both lists stay as they were. As a file that is being written may be
// read half, put a new one in its place by renaming it.
func (n *Networks) Reload() error {
	n.reload.Lock() // so that the files read last are those that count
	defer n.reload.Unlock()
	allow, err := read("allow", n.sources.Allow, n.sources.AllowFile)
	deny, err2 := read("deny", n.sources.Deny, n.sources.DenyFile)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if allow != nil && allow.Len() == 0 && !allow.unix {
		return fmt.Errorf("%s: holds no address, so that nobody could connect; leave the list out to allow all", n.sources.AllowFile)
	}
	n.lists.Store(&lists{allow, deny})
	return nil
}

// read gives nil if there is no such list.
func read(list string, texts []string, file string) (*Set, error) {
	if len(texts) == 0 && file == "" {
		return nil, nil
	}
	s := new(Set)
	err := s.addAll(texts)
	if err != nil {
		err = fmt.Errorf("%s: %w", list, err)
	}
	if file != "" {
		err = errors.Join(err, s.readFile(file))
	}
	s.join()
	return s, err
}

// Allows tells whether a client at a may connect. The zero Addr is a peer on a unix socket, which lists call "unix".
// It takes well under a microsecond and allocates nothing.
func (n *Networks) Allows(a netip.Addr) bool {
	l := n.lists.Load()
	return !l.deny.Has(a) && (l.allow == nil || l.allow.Has(a))
}
