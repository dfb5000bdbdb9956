//go:build linux

package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"weir/bench/wire"
)

// Slow are clients that send without pause and read no echo, or few.
type Slow struct {
	conns []net.Conn
	taken atomic.Int64
	ends  sync.WaitGroup
}

// Sloth is how slow they are.
type Sloth struct {
	Conns int
	Size  int // payload bytes of a message
	Read  int // bytes a second that each client reads, 0 for none
}

const slowChunk = 16 << 10

// Slow upgrades connections, one after another, and begins to send on each.
func (t Target) Slow(ctx context.Context, how Sloth) (*Slow, error) {
	s := &Slow{}
	message := wire.NewMessage(how.Size)
	frame := message.Stamp(0, 0)
	chunk := bytes.Repeat(frame, max(1, slowChunk/len(frame)))
	for i := range how.Conns {
		conn, err := t.upgrade(ctx)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("slow client %d of %d: %w", i+1, how.Conns, err)
		}
		s.conns = append(s.conns, conn)
		raw := conn
		if secure, ok := conn.(*tls.Conn); ok {
			raw = secure.NetConn()
		}
		if tcp, ok := raw.(*net.TCPConn); ok {
			tcp.SetLinger(0) // what was not read is not waited for
		}
		s.ends.Go(func() { s.send(conn, chunk) })
		if how.Read > 0 {
			s.ends.Go(func() { sip(conn, how.Read) })
		}
	}
	return s, nil
}

func (s *Slow) send(conn net.Conn, chunk []byte) {
	for {
		n, err := conn.Write(chunk)
		s.taken.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// sip reads that many bytes a second until the connection ends.
func sip(conn net.Conn, rate int) {
	const sips = 10 // a second
	tick := time.NewTicker(time.Second / sips)
	defer tick.Stop()
	for due := 0; ; <-tick.C {
		due += rate
		n, err := io.CopyN(io.Discard, conn, int64(due/sips))
		if due -= int(n) * sips; err != nil {
			return
		}
	}
}

// Taken is how many bytes the other side, the kernels between included, has taken from all so far.
func (s *Slow) Taken() int64 { return s.taken.Load() }

// Close resets the connections and waits for the ends of those who send and read.
func (s *Slow) Close() {
	for _, conn := range s.conns {
		conn.Close()
	}
	s.ends.Wait()
}
