//go:build !race

// The race detector makes sync.Pool forget: nothing to measure there.

package upstream

import (
	"io"
	"runtime"
	"testing"

	"golang.org/x/net/http2"

	"weir/codec/h2"
	"weir/codec/http1"
)

// pingPong is a session that answers each message with the same one, so that they go to and fro on the loop.
type pingPong struct {
	stream Stream
	left   int
	ready  chan struct{}
	done   chan struct{}
}

func (s *pingPong) OnAnswer(stream Stream, _ *http1.Response) {
	s.stream = stream
	s.ready <- struct{}{}
}
func (s *pingPong) OnRefused(why *http1.Refusal) { panic(why.Reason) }
func (s *pingPong) OnBackendDrained()            {}
func (s *pingPong) OnBackendEOF()                {}
func (s *pingPong) OnBackendLeaving()            {}
func (s *pingPong) OnBackendLost(err error)      { panic(err) }
func (s *pingPong) OnBackendData(b []byte) {
	if s.left--; s.left == 0 {
		s.done <- struct{}{}
		return
	}
	s.stream.Write(b)
}

// bounce sends DATA back without allocating, and credits what it received.
func bounce(t testing.TB, conn io.ReadWriter, size int) {
	frame := make([]byte, h2.HeaderLen+size)
	var out []byte
	for {
		if _, err := io.ReadFull(conn, frame[:h2.HeaderLen]); err != nil {
			return
		}
		h, _ := h2.ParseHeader(frame)
		if int(h.Length) > size {
			t.Errorf("a frame of %d bytes", h.Length)
			return
		}
		if _, err := io.ReadFull(conn, frame[h2.HeaderLen:][:h.Length]); err != nil {
			return
		}
		if h.Type != h2.TypeData {
			continue
		}
		out = h2.AppendWindowUpdate(out[:0], 0, h.Length)
		out = h2.AppendWindowUpdate(out, h.Stream, h.Length)
		out = append(out, frame[:h2.HeaderLen+h.Length]...)
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

// DATA takes no memory in either direction: neither in small messages nor in those big enough for a write of their own.
func TestPoolAllocatesNothingPerMessage(t *testing.T) {
	for name, size := range map[string]int{"small": 125, "big": 9 << 10} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			r := newRig(t, nil, b.url("h2c"))
			s := &pingPong{ready: make(chan struct{}, 1), done: make(chan struct{}, 1)}
			r.do(func() { _, _ = r.links.Open(request(), s) })
			p := b.accept()
			p.serve(1)
			<-s.ready
			ended := make(chan struct{})
			go func() { defer close(ended); bounce(t, p.conn, size) }()
			run := func(messages int) {
				r.do(func() { s.left = messages; s.stream.Write(make([]byte, size)) })
				<-s.done
			}
			run(200) // what is pooled gets made
			const messages = 2000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			run(messages)
			runtime.ReadMemStats(&after)
			if n := after.Mallocs - before.Mallocs; n > messages/20 {
				t.Errorf("%d allocations for %d messages each way", n, messages)
			}
			r.do(func() { s.stream.Close() })
			_ = p.conn.Close()
			<-ended
		})
	}
}

func BenchmarkPoolRoundTrip(b *testing.B) {
	e := listen(b)
	r := newRig(b, nil, e.url("h2c"))
	s := &pingPong{ready: make(chan struct{}, 1), done: make(chan struct{}, 1)}
	r.do(func() { _, _ = r.links.Open(request(), s) })
	p := e.accept(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 100})
	p.serve(1)
	<-s.ready
	ended := make(chan struct{})
	go func() { defer close(ended); bounce(b, p.conn, 125) }()
	b.ReportAllocs()
	b.ResetTimer()
	r.do(func() { s.left = b.N; s.stream.Write(make([]byte, 125)) })
	<-s.done
	b.StopTimer()
	r.do(func() { s.stream.Close() })
	_ = p.conn.Close()
	<-ended
}
