package h2_test

import (
	"bytes"
	"testing"

	"weir/codec/h2"
)

// floods are frames of which a peer may send limits.Flood without progress.
func floods() []struct {
	reason string
	side   h2.Side
	frame  []byte
} {
	return []struct {
		reason string
		side   h2.Side
		frame  []byte
	}{
		{"h2_ping_flood", h2.Client, h2.AppendPing(nil, [8]byte{})},
		{"h2_ping_flood", h2.Client, h2.AppendPong(nil, make([]byte, 8))},
		{"h2_settings_flood", h2.Client, hello},
		{"h2_settings_flood", h2.Client, h2.AppendSettingsAck(nil)},
		{"h2_reset_flood", h2.Server, h2.AppendReset(nil, 1, h2.Cancel)},
		{"h2_goaway_flood", h2.Client, h2.AppendGoAway(nil, 1, h2.NoError, "")},
		{"h2_priority_flood", h2.Client, raw(h2.TypePriority, 0, 1, "12345")},
		{"h2_unknown_frame_flood", h2.Client, raw(0x42, 0, 0, "?")},
		{"h2_empty_data_flood", h2.Client, h2.AppendDataHeader(nil, 1, 0, false)},
		{"h2_empty_data_flood", h2.Client, raw(h2.TypeData, h2.FlagPadded, 1, "\x02\x00\x00")},
		{"h2_headers_flood", h2.Client, headers(1, 0, ":status", "100")},
		{"h2_headers_flood", h2.Server, headers(1, 0, ":method", "GET", ":scheme", "http", ":path", "/")},
		{"h2_stream_fault_flood", h2.Client, h2.AppendWindowUpdate(nil, 1, 0)},
		{"h2_stream_fault_flood", h2.Client, headers(1, 0, ":status", "0")},
		{"h2_stream_fault_flood", h2.Client, raw(h2.TypePriority, 0, 1, "1")},
	}
}

// run feeds frames one by one and tells how many were taken before the connection ended, and why it did.
func run(r *h2.Reader, frame []byte, most int) (taken int, reason string) {
	for ; taken < most; taken++ {
		for b := frame; len(b) > 0; {
			ev, used := r.Next(b)
			if ev.Kind == h2.Fault {
				return taken, r.Err().Reason
			}
			b = b[used:]
		}
	}
	return taken, ""
}

func TestFloods(t *testing.T) {
	for _, f := range floods() {
		r := begun(t, f.side)
		r.Refill()
		if n, reason := run(r, f.frame, 100_000); n != limits.Flood || reason != f.reason {
			t.Errorf("%s: %d %s", f.reason, n, reason)
		}
	}
}

// Rapid reset: the request and its reset are paid for, whatever it says.
func TestRapidReset(t *testing.T) {
	r := begun(t, h2.Server)
	r.Refill()
	frame := join(headers(1, 0, ":method", "GET", ":scheme", "http", ":path", "/"), h2.AppendReset(nil, 1, h2.Cancel))
	if n, _ := run(r, frame, 100_000); n != limits.Flood/2 {
		t.Error(n)
	}
}

func TestDataPaysForFrames(t *testing.T) {
	for payload, endless := range map[int]bool{64: true, 63: false} {
		r := begun(t, h2.Client)
		frame := join(h2.AppendDataHeader(nil, 1, payload, false), make([]byte, payload), h2.AppendPing(nil, [8]byte{}))
		n, reason := run(r, frame, 20_000)
		if endless != (reason == "") {
			t.Errorf("%d bytes for a ping: %d %s", payload, n, reason)
		}
	}
}

// Nothing is saved up: after much DATA a flood is as long as ever.
func TestDataSavesNothingUp(t *testing.T) {
	r := begun(t, h2.Client)
	run(r, join(h2.AppendDataHeader(nil, 1, 16384, false), make([]byte, 16384)), 1000)
	if n, _ := run(r, h2.AppendPing(nil, [8]byte{}), 1000); n != limits.Flood {
		t.Error(n)
	}
}

// TestWalks: 16 streams that a frame makes its receiver look at cost as much as a frame.
func TestWalks(t *testing.T) {
	r := begun(t, h2.Client)
	r.Refill()
	if err := r.ChargeWalk(16 * limits.Flood); err != nil {
		t.Error(err)
	}
	if err := r.ChargeWalk(15); err != nil {
		t.Error(err)
	}
	if err := r.ChargeWalk(16); err == nil || err.Reason != "h2_walk_flood" {
		t.Error(err)
	}
}

func TestRefill(t *testing.T) {
	r, ping := begun(t, h2.Client), h2.AppendPing(nil, [8]byte{})
	for range 10 {
		r.Refill()
		if n, reason := run(r, ping, limits.Flood); reason != "" {
			t.Fatal(n, reason)
		}
	}
}

// What one per stream may come of, and what only opens windows, is free.
func TestFreeFrames(t *testing.T) {
	for name, frame := range map[string][]byte{
		"window update":  h2.AppendWindowUpdate(nil, 0, 1),
		"final response": headers(1, 0, ":status", "200"),
		"trailers":       headers(1, h2.FlagEndStream, "a", "b"),
		"end of stream":  h2.AppendDataHeader(nil, 1, 0, true),
		"data":           append(h2.AppendDataHeader(nil, 1, 1, false), 'x'),
	} {
		if n, reason := run(begun(t, h2.Client), frame, 10*limits.Flood); reason != "" {
			t.Errorf("%s: %d %s", name, n, reason)
		}
	}
}

// A field of 900 bytes in HPACK's table, then 16,000 one-byte references to it: 14 MB of header list in one frame.
func TestHeaderBomb(t *testing.T) {
	r := begun(t, h2.Client)
	first := h2.NewEncoder().AppendResponse(nil, 1, 200, fields("user-agent", string(bytes.Repeat([]byte("x"), 900))), false)
	walk(r, first)
	bomb := append([]byte{0x88}, bytes.Repeat([]byte{0x80 | 62}, 16000)...)
	frame := raw(h2.TypeHeaders, h2.FlagEndHeaders, 3, string(bomb))
	want := "stream fault 3 ENHANCE_YOUR_CALM h2_header_list_too_large"
	expect(t, walk(r, frame), []string{want})
	if n := testing.AllocsPerRun(10, func() { r.Refill(); r.Next(frame) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
