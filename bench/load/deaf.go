//go:build linux

package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
)

// Deaf is a client that sends without pause and never reads an echo.
type Deaf struct {
	conn  net.Conn
	taken atomic.Int64
	done  chan struct{}
}

const deafChunk = 16 << 10

// Deaf upgrades a connection and begins to send messages with that many bytes of payload.
func (t Target) Deaf(ctx context.Context, size int) (*Deaf, error) {
	conn, err := t.upgrade(ctx)
	if err != nil {
		return nil, err
	}
	raw := conn
	if secure, ok := conn.(*tls.Conn); ok {
		raw = secure.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetLinger(0) // what was not read is not waited for
	}
	frame := newMessage(size).frame
	d := &Deaf{conn: conn, done: make(chan struct{})}
	go d.send(bytes.Repeat(frame, max(1, deafChunk/len(frame))))
	return d, nil
}

func (d *Deaf) send(chunk []byte) {
	defer close(d.done)
	for {
		n, err := d.conn.Write(chunk)
		d.taken.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// Taken is how many bytes the other side, the kernels between included, has taken so far.
func (d *Deaf) Taken() int64 { return d.taken.Load() }

// Close resets the connection and waits for the sender's end.
func (d *Deaf) Close() {
	d.conn.Close()
	<-d.done
}
