package interop

import (
	"fmt"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/gateway/rate"
)

// TestFloods of frames that bring no message to its end are closed with 1008. The backend sees those allowed at most, and
// what came in one read with them.
func TestFloods(t *testing.T) {
	t.Parallel()
	const allowed, readBuffer, many = 20, 4 << 10, 1000 // many frames are more than a read, each being 7 bytes or more
	const mostPings = allowed + readBuffer/7
	ws, both := implementations[1:2], implementations[1:3] // Python's client complains of each ping that stays unanswered
	pings := make([]command, many)
	for i := range pings {
		pings[i] = command{Do: "ping", Payload: fmt.Sprint(i)}
	}
	for _, kind := range kinds {
		for _, flood := range []struct {
			name     string
			from     []implementation
			commands []command
		}{
			{"pings", ws, pings},
			{"fragments", both, []command{{Do: "send", Kind: "text", Size: many, Fragments: many}}},
			{"empty fragments", both, []command{{Do: "send", Kind: "binary", Fragments: many}}},
			{"pings between fragments", ws, []command{{Do: "send", Kind: "text", Size: many, Fragments: many, Pings: true}}},
		} {
			t.Run(kind.name+" "+flood.name, func(t *testing.T) {
				t.Parallel()
				book := newGuestbook()
				f := tuned(t, func(cfg *config.Config) {
					cfg.ReadBuffer, cfg.FrameRate = readBuffer, rate.Limit{N: allowed, Per: time.Hour, Burst: allowed}
				}, kind.start(book, t))
				for _, i := range flood.from {
					g := dialled(t, i, command{URL: f.url("/")})
					g.send(t, 2*allowed) // messages are not what is limited
					for range 2 * allowed {
						wantEvent(t, i.name, g, "message", 0, "")
					}
					g.burst(t, flood.commands...)
					end := g.next(t)
					for ; end.Event == "pong"; end = g.next(t) {
					}
					if end.Event != "close" || end.Code != 1008 {
						t.Errorf("%s: %s %d, want close 1008", i.name, end.Event, end.Code)
					}
					// In the middle of a frame the gateway cannot tell a backend anything but the end.
					if v := book.next(t); v.messages != 2*allowed || v.pings > mostPings || v.code != 1008 && v.code != 0 {
						t.Errorf("%s: the backend got %d messages, %d pings and close %d", i.name, v.messages, v.pings, v.code)
					}
				}
				awaitMetric(t, f, float64(len(flood.from)), "weir_sessions_closed_total", `"frame_rate"`, `"1008"`)
			})
		}
	}
}

// TestBombs are messages that zlib made small. They end with 1009 where the gateway inflates, and reach no backend.
func TestBombs(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			book := newGuestbook()
			f := tuned(t, func(cfg *config.Config) { compressing(cfg); cfg.MaxMessageSize = 1 << 20 }, kind.start(book, t))
			for _, i := range implementations[1:] {
				g := dialled(t, i, command{URL: f.url("/"), Deflate: true})
				g.do(t, command{Do: "send", Kind: "text", Size: 1 << 20, Compressible: true})
				if ev := g.next(t); ev.Event != "message" || ev.Size != 1<<20 {
					t.Errorf("%s: a message of the allowed size ended with %s %d", i.name, ev.Event, ev.Code)
				}
				g.burst(t, command{Do: "send", Kind: "text", Size: 32 << 20, Compressible: true})
				wantEvent(t, i.name, g, "close", 1009, "inflated_too_large")
				if v := book.next(t); v.messages != 1 {
					t.Errorf("%s: %d messages came to the backend, want 1", i.name, v.messages)
				}
			}
			awaitMetric(t, f, 2, "weir_sessions_closed_total", `"inflated_too_large"`, `"1009"`)
			if n := f.metric(t, "weir_inflate_bytes_total", `"out"`); n > 6<<20 {
				t.Errorf("%v bytes were inflated, most of them in vain", n)
			}
		})
	}
}
