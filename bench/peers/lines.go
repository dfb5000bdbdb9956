//go:build linux

package peers

import (
	"bytes"
	"io"
)

// lines passes on what a process says, but for the whole lines that take takes.
type lines struct {
	take func(line []byte) bool
	on   io.Writer
	rest []byte // of a line without its end
}

const longestLine = 64 << 10

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		n := bytes.IndexByte(l.rest, '\n') + 1
		if n == 0 && len(l.rest) <= longestLine {
			return len(b), nil
		}
		if n == 0 {
			n = len(l.rest)
		}
		if !l.take(bytes.TrimSuffix(l.rest[:n], []byte("\n"))) {
			_, _ = l.on.Write(l.rest[:n]) // which takes everything
		}
		l.rest = append(l.rest[:0], l.rest[n:]...)
	}
}
