package gateway_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// narrow gives a gateway small queues, so that little makes them full.
func narrow(cfg *config.Config, policy config.SlowReader, after time.Duration) {
	cfg.ReadBuffer, cfg.HighWater, cfg.LowWater = 4<<10, 16<<10, 4<<10
	cfg.SlowReader, cfg.SlowTimeout = policy, after
}

// someFrames are whole frames of several sizes, in about 10 KB.
func someFrames() []byte {
	var b []byte
	for _, n := range []int{0, 1, 100, 125, 126, 700, 9000} {
		b = append(b, ws.MustCompileFrame(ws.NewBinaryFrame(bytes.Repeat([]byte{'f'}, n)))...)
	}
	return b
}

// TestSlowClose has a client that never reads behind a backend that does not stop sending. The backend is told 1013
// after the timeout, and the close timeout ends the rest.
func TestSlowClose(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) { narrow(cfg, config.SlowClose, 300*time.Millisecond) }, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		began := time.Now()
		done := server.flood(someFrames())
		server.wantClose(1013)
		if took := time.Since(began); took < 300*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
		await(t, done, "the end of the session") // with nothing read by the client
		wantMetric(t, r, "weir_client_connections", 0)
		if n := metric(t, r, ended("slow_reader", "1013")) + metric(t, r, ended("slow_reader", "cut")); n != 1 {
			t.Errorf("%v sessions were closed as slow_reader", n)
		}
		wantMetric(t, r, "weir_sessions_cut_total", 1)
		wantMetric(t, r, "weir_buffered_bytes", 0)
		_ = client.conn.Close()
	})
}

// TestSlowCloseIsRead by a client that wakes up within the close timeout: behind whole frames, with the code that was chosen.
func TestSlowCloseIsRead(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) {
		narrow(cfg, config.SlowClose, 100*time.Millisecond)
		cfg.CloseTimeout, cfg.SlowReaderCode = patience, 1008
	}, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		done := server.flood(someFrames())
		server.wantClose(1008)
		for {
			f, err := client.next()
			if err != nil {
				t.Fatal(err)
			}
			if f.Header.OpCode == ws.OpClose {
				if code, _ := ws.ParseCloseFrameData(f.Payload); code != 1008 {
					t.Errorf("closed with %d", code)
				}
				break
			}
			if strings.Trim(string(f.Payload), "f") != "" {
				t.Fatal("a frame did not come whole")
			}
		}
		client.sendClose(1008)
		client.wantEnd()
		_, _ = client.conn.Close(), server.conn.Close()
		await(t, done, "the end of the backend")
		wantMetric(t, r, ended("slow_reader", "1008"), 1)
	})
}

// TestSlowButSteady reads for several times the timeout, at a pace that lets the queue run low within it.
func TestSlowButSteady(t *testing.T) {
	t.Parallel()
	for _, policy := range []config.SlowReader{config.SlowClose, config.SlowDrop} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			eachBackend(t, func(cfg *config.Config) { narrow(cfg, policy, 2*time.Second) }, func(t *testing.T, r *rig) {
				client, server := r.slowSession()
				done := server.flood(someFrames())
				in := make([]byte, 8<<10)
				for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(5 * time.Millisecond) {
					if _, err := io.ReadFull(client.in, in); err != nil {
						t.Fatal(err)
					}
				}
				if open, shed := metric(t, r, "weir_sessions_open"), metric(t, r, `weir_messages_dropped_total{reason="slow_reader"}`); open != 1 || shed != 0 {
					t.Errorf("%v sessions are open, %v messages were dropped", open, shed)
				}
				_, _ = client.conn.Close(), server.conn.Close()
				await(t, done, "the end of the backend")
			})
		})
	}
}

// TestSlowTimerStops when the queue has run low, and begins anew with the next full one.
func TestSlowTimerStops(t *testing.T) {
	t.Parallel()
	const timeout = 3 * time.Second
	eachBackend(t, func(cfg *config.Config) { narrow(cfg, config.SlowClose, timeout) }, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		unit := someFrames()
		all := bytes.Repeat(unit, 1<<20/len(unit))
		wrote := make(chan error, 1)
		go func() { wrote <- server.try(all) }()
		if !eventually(func() bool { return metric(t, r, "weir_buffered_bytes") >= 12<<10 }) {
			t.Fatal("the queue does not fill")
		}
		if _, err := io.CopyN(io.Discard, client.in, int64(len(all))); err != nil {
			t.Fatal(err)
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		time.Sleep(timeout) // it would have fired
		server.send(ws.OpText, "well")
		client.want(ws.OpText, "well")

		again := time.Now()
		done := server.flood(unit)
		server.wantClose(1013)
		if took := time.Since(again); took < timeout {
			t.Errorf("closed after %v", took)
		}
		await(t, done, "the end of the session")
		_ = client.conn.Close()
	})
}

// TestSlowWait is the default: nobody is closed, however long it takes.
func TestSlowWait(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(cfg *config.Config) { narrow(cfg, config.SlowWait, 100*time.Millisecond) }, func(t *testing.T, r *rig) {
		client, server := r.slowSession()
		unit := someFrames()
		sent, err := server.fill(unit)
		if err != nil {
			t.Fatal(err)
		}
		for range sent / len(unit) {
			got := make([]byte, len(unit))
			if _, err := io.ReadFull(client.in, got); err != nil || !bytes.Equal(got, unit) {
				t.Fatal("not as it was sent", err)
			}
		}
		wantMetric(t, r, "weir_sessions_open", 1)
	})
}
