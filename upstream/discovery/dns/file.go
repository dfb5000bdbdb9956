package dns

import (
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	recheck = 5 * time.Second // how often files are looked at again, at most
	maxFile = 16 << 20        // bytes that are read of one
)

// A file is read again when it has changed.
type file[T any] struct {
	path  string
	parse func(text string) (value T, final bool)

	mu    sync.Mutex
	value T
	final bool // not to be read again
	seen  time.Time
	mtime time.Time
	size  int64
}

func newFile[T any](path string, parse func(string) (T, bool)) *file[T] {
	f := &file[T]{path: path, parse: parse}
	f.value, _ = parse("")
	return f
}

// get is what the file says now, or did a few seconds ago. A file that is missing says nothing; one that cannot be read
// for other reasons, such as too many open files, leaves what was read before.
func (f *file[T]) get() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.final || !f.seen.IsZero() && time.Since(f.seen) < recheck {
		return f.value
	}
	f.seen = time.Now()
	info, err := os.Stat(f.path)
	if err == nil && info.ModTime().Equal(f.mtime) && info.Size() == f.size {
		return f.value
	}
	text, err := read(f.path)
	switch {
	case err == nil && info != nil:
		f.mtime, f.size = info.ModTime(), info.Size()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		f.mtime, f.size = time.Time{}, 0
	default:
		return f.value
	}
	f.value, f.final = f.parse(text)
	return f.value
}

func read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(text), err
}

// hosts are the addresses of the hosts file, by names in lower case without a dot at the end.
type hosts map[string][]netip.Addr

// parseHosts reads a hosts file, see hosts(5). It skips what it cannot read.
func parseHosts(text string) (h hosts, final bool) {
	h = hosts{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(f[0])
		if err != nil {
			continue
		}
		for _, name := range f[1:] {
			h[hostKey(name)] = append(h[hostKey(name)], addr)
		}
	}
	return h, false
}

func (h hosts) lookup(name string) []netip.Addr { return h[hostKey(name)] }

func hostKey(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
