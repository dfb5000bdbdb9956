package clientaddr

import (
	"errors"
	"fmt"
	"net/netip"

	"weir/internal/watch"
)

// Sources say where lists of addresses stand. A list is all that its texts and its file hold.
type Sources struct {
	Past                watch.Past // of the configuration before; nil: there is none
	Allow, Deny         []string   // as for ParseSet
	AllowFile, DenyFile string     // an element a line, # before comments, at most 200,000; empty: none
}

// Networks are the addresses from which clients may come: those not denied and, where there is a list of allowed ones,
// in it.
type Networks struct{ files watch.Files[lists] }

type lists struct {
	allow *Set // nil: everyone
	deny  *Set
}

// Open reads both lists, 100,000 lines in some tens of milliseconds: not on a loop. A list of allowed addresses that
// turns out empty is an error, as it would refuse everybody.
func Open(from Sources) (*Networks, error) {
	n := &Networks{watch.Files[lists]{What: "addresses", Max: maxFile, Past: from.Past, Terms: fmt.Sprintf("%q %q", from.Allow, from.Deny)}}
	for _, name := range []string{from.AllowFile, from.DenyFile} {
		if name != "" {
			n.files.Names = append(n.files.Names, name)
			n.files.What += " " + name
		}
	}
	n.files.Parse = from.parse
	if err := watch.Failures(n.Reload()); err != nil {
		return nil, err
	}
	return n, nil
}

// Files gives what is made of the files to Networks that follow.
func (n *Networks) Files(key string) any {
	if n.files.Key() == key {
		return &n.files
	}
	return nil
}

// Reload reads the files again; where they have not changed, that costs their hash. After an error both lists stay as they
// were. As a file that is being written may be read half, put a new one in its place by renaming it.
func (n *Networks) Reload() watch.Outcome { return n.files.Look() }

func (from *Sources) parse(files [][]byte) (l lists, err error) {
	next := func(name string) (content []byte) {
		if name != "" {
			content, files = files[0], files[1:]
		}
		return content
	}
	l.allow, err = read("allow", from.Allow, from.AllowFile, next(from.AllowFile))
	var err2 error
	l.deny, err2 = read("deny", from.Deny, from.DenyFile, next(from.DenyFile))
	if err := errors.Join(err, err2); err != nil {
		return l, err
	}
	if l.allow != nil && l.allow.Len() == 0 && !l.allow.unix {
		return l, fmt.Errorf("%s: holds no address, so that nobody could connect; leave the list out to allow all", from.AllowFile)
	}
	return l, nil
}

// read gives nil if there is no such list.
func read(list string, texts []string, file string, content []byte) (*Set, error) {
	if len(texts) == 0 && file == "" {
		return nil, nil
	}
	s := new(Set)
	err := s.addAll(texts)
	if err != nil {
		err = fmt.Errorf("%s: %w", list, err)
	}
	err = errors.Join(err, s.read(file, content))
	s.join()
	return s, err
}

// Allows tells whether a client at a may connect. The zero Addr is a peer on a unix socket, which lists call "unix".
// It takes well under a microsecond and allocates nothing.
func (n *Networks) Allows(a netip.Addr) bool {
	l := n.files.Value()
	return !l.deny.Has(a) && (l.allow == nil || l.allow.Has(a))
}
