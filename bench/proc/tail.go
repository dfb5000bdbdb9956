//go:build linux

package proc

import (
	"bytes"
	"strings"
	"sync"
)

// Tail is a Writer that keeps the last of what a process said. Any goroutine may call it.
type Tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 2 << 10

// Write takes all of b, and keeps no more than tailSize bytes of what came.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[max(0, len(b)-tailSize):]...)
	t.buf = append(t.buf[:0], t.buf[max(0, len(t.buf)-tailSize):]...)
	return len(b), nil
}

// String is the last two lines, led by a colon, or nothing.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(string(bytes.TrimSpace(t.buf)), "\n")
	if lines[0] == "" {
		return ""
	}
	return ": " + strings.Join(lines[max(0, len(lines)-2):], " | ")
}
