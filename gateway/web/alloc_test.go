//go:build !race

package web

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestHeadsAllocateNothing runs without the race detector, under which a sync.Pool forgets at random.
func TestHeadsAllocateNothing(t *testing.T) {
	in := get + chunked + "3\r\nabc\r\n0\r\n\r\n" + post + "Content-Length: 3\r\n\r\nabc"
	source := strings.NewReader("")
	c := &plainConn{Conn: readerConn{Reader: source}, limits: testLimits, headTime: time.Second}
	b := make([]byte, 100)
	n := testing.AllocsPerRun(100, func() {
		source.Reset(in)
		for source.Len() > 0 || c.held != nil {
			if _, err := c.Read(b); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for three requests", n)
	}
}

type readerConn struct {
	net.Conn
	io.Reader
}

func (c readerConn) Read(b []byte) (int, error)      { return c.Reader.Read(b) }
func (c readerConn) SetReadDeadline(time.Time) error { return nil }
