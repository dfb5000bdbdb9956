package accept_test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"weir/codec/h2"
	"weir/codec/http1"
	"weir/upstream/accept"
)

// echoBytes returns what comes, without a look at it.
func echoBytes(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b := make([]byte, 4096)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				if _, err := c.Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// crowd opens n sessions on one connection, and gives a function that sends a message of 125 bytes on each in one
// write, and waits for all of them to come back.
func crowd(tb testing.TB, n int) (round func()) {
	l := listen(tb, accept.Options{})
	go echoBytes(l)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	ours := h2.DefaultSettings()
	ours.InitialWindowSize = 1<<31 - 1
	out := h2.AppendWindowUpdate(h2.AppendPreface(nil, ours), 0, 1<<31-1-h2.InitialWindow)
	encoder, reader := h2.NewEncoder(), h2.NewReader(h2.Client, ours, h2.Limits{Fields: 10, Continuations: 1, Flood: 1 << 20})
	for i := range n {
		out = encoder.AppendConnect(out, uint32(2*i+1), "http", []byte("a"), []byte("/"), []http1.Field{})
	}
	b, message := make([]byte, 64<<10), make([]byte, 125)
	round = func() {
		for i := range n {
			out = append(h2.AppendDataHeader(out, uint32(2*i+1), len(message), false), message...)
		}
		if _, err := conn.Write(out); err != nil {
			tb.Fatal(err)
		}
		out = out[:0]
		for left := n * len(message); left > 0; {
			k, err := conn.Read(b)
			if err != nil {
				tb.Fatal(err)
			}
			for p := b[:k]; len(p) > 0; {
				ev, used := reader.Next(p)
				p = p[used:]
				switch ev.Kind {
				case h2.Data:
					left -= len(ev.Payload)
				case h2.Fault, h2.Reset, h2.GoAway:
					tb.Fatal(io.ErrUnexpectedEOF)
				}
			}
		}
	}
	round()
	return round
}

func TestNoAllocationPerMessage(t *testing.T) {
	const sessions = 100
	round := crowd(t, sessions)
	// There are none; but the race detector has pools throw away every fourth buffer.
	if got := testing.AllocsPerRun(200, round); got >= sessions {
		t.Errorf("%v allocations for %d messages", got, sessions)
	}
}

func BenchmarkEcho(b *testing.B) {
	for _, sessions := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			round := crowd(b, sessions)
			b.SetBytes(125)
			b.ReportAllocs()
			for b.Loop() {
				round()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sessions), "ns/message")
		})
	}
}
