package interop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// soaker is a worker that opens one session after another, and what it may do with each.
type soaker struct {
	*rand.Rand
	content  *rand.ChaCha8
	front    *Front
	sessions int
}

// TestSoak mixes traffic and faults and looks for what they leave behind. It runs for a second, or for as long
// as the flag -soak says.
func TestSoak(t *testing.T) {
	const workers = 8
	backend := startSoakBackend(t)
	f := tuned(t, func(c *config.Config) {
		c.Loops, c.CloseTimeout, c.PingInterval, c.PongTimeout = 2, time.Second, 100*time.Millisecond, 10*time.Second
	}, backend)
	end := time.Now().Add(max(*soakTime, time.Second))
	heap := heapInUse() // after a full collection
	var running sync.WaitGroup
	failures := make(chan error, workers)
	var total [workers]int
	for i := range workers {
		running.Go(func() {
			s := &soaker{rand.New(rand.NewPCG(uint64(i), 7)), rand.NewChaCha8([32]byte{byte(i)}), f, 0}
			for time.Now().Before(end) {
				if err := s.session(); err != nil {
					failures <- fmt.Errorf("worker %d, session %d: %w", i, s.sessions, err)
					return
				}
				s.sessions++
			}
			total[i] = s.sessions
		})
	}
	running.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	awaitMetric(t, f, 0, "weir_client_connections")
	awaitMetric(t, f, 0, "weir_buffered_bytes")
	awaitMetric(t, f, 0, "weir_endpoint_sessions")
	if grown := heapInUse() - heap; grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	t.Logf("sessions of the workers: %v", total)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // pools give up what they hold in the second turn
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// startSoakBackend echoes, and breaks one connection in eight at some point.
func startSoakBackend(t testing.TB) (url string) {
	b := startRaw(t, "127.0.0.1:0")
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for n := uint64(0); ; n++ {
			select {
			case c := <-b.conns:
				go soakBackend(c, rand.New(rand.NewPCG(n, 11)))
			case <-done:
				return
			}
		}
	}()
	return b.url()
}

func soakBackend(c *net.TCPConn, r *rand.Rand) {
	switch r.IntN(16) {
	case 0: // inside a frame
		_, _ = io.CopyN(c, bytes.NewReader([]byte{0x82, 126, 1, 0, 'x'}), 5)
		reset(c)
	case 1:
		_, _ = ws.ReadFrame(c)
		fin(c)
	default:
		echoFrames(c)
	}
}

// session opens a session and does something with it. An error is what no fault of the peers explains.
func (s *soaker) session() error {
	if s.IntN(10) == 0 {
		return s.garbage()
	}
	c, err := dialRaw(s.front.Addr, patience)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer c.Close()
	for range s.IntN(8) {
		if alive, err := s.message(c); err != nil || !alive {
			return err
		}
	}
	switch s.IntN(4) {
	case 0:
		reset(c.TCPConn)
	case 1: // inside a frame
		_, _ = c.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame(make([]byte, 5000))))[:s.IntN(5000)])
	default:
		_ = ws.WriteFrame(c, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "soak"))))
		_, err = io.Copy(io.Discard, c)
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return fmt.Errorf("the end of a closed session did not come: %w", err)
		}
	}
	return nil
}

// message sends some content and reads the same back; the backend may have ended instead.
func (s *soaker) message(c rawClient) (alive bool, err error) {
	want := make([]byte, 1<<s.IntN(18))
	_, _ = s.content.Read(want)
	sent := make(chan error, 1)
	go func() { sent <- ws.WriteFrame(c, ws.MaskFrame(ws.NewBinaryFrame(want))) }()
	defer func() { <-sent }()
	for {
		f, err := ws.ReadFrame(c)
		switch {
		case err != nil:
			timeout := net.Error(nil)
			if errors.As(err, &timeout) && timeout.Timeout() {
				return false, fmt.Errorf("no echo: %w", err)
			}
			return false, nil
		case f.Header.OpCode == ws.OpPing: // the gateway's; this client is heard by its messages
		case f.Header.OpCode == ws.OpClose:
			return false, nil
		case !bytes.Equal(f.Payload, want):
			return false, fmt.Errorf("an echo of %d bytes differs from the %d sent", len(f.Payload), len(want))
		default:
			return true, nil
		}
	}
}

// garbage is a request that the gateway must refuse, or a client that leaves in the middle of one.
func (s *soaker) garbage() error {
	c, err := net.Dial("tcp", s.front.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	head := "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
	if s.IntN(2) == 0 {
		_, _ = io.WriteString(c, head[:s.IntN(len(head))])
		return nil
	}
	_, _ = io.WriteString(c, head)
	answer := make([]byte, 12)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 400" {
		return fmt.Errorf("a bad request was answered with %q, %v", answer, err)
	}
	return nil
}
