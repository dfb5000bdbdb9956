package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// A message that there is no room for ends its session, and no part of it arrives in its place, even if there is room
// again before the session has ended.
func TestNoRoomIsNotHalfAMessage(t *testing.T) {
	t.Parallel()
	r := startCompressing(t, "tunnel", func(cfg *config.Config) { cfg.GatherMemory, cfg.CloseTimeout = 1<<20, patience })
	a, backA := r.compressedSession()
	b, backB := r.compressedSession()
	message, _ := a.noisy(700 << 10)
	read := 0
	send := func(client *peer, from, to int) {
		client.put(message[from:to])
		read += to - from
		wantMetric(t, r, `weir_bytes_total{direction="up"}`, float64(read))
	}
	send(a, 0, 10<<10)
	send(b, 0, 10<<10)
	send(a, 10<<10, 600<<10)
	send(b, 10<<10, 550<<10) // no room for the last of it
	wantMetric(t, r, "weir_sessions_ending", 1)
	_, _ = a.conn.Close(), backA.conn.Close() // now there is
	wantMetric(t, r, "weir_client_connections", 1)
	b.put(message[550<<10:])
	backB.wantClose(1013)
	b.wantClose(1013)
}

// An end has its close frame at once if a message is under way of which nothing has passed: the backend may never finish it.
func TestCloseBeforeAGatheredMessage(t *testing.T) {
	t.Parallel()
	r := startCompressing(t, "tunnel", nil)
	client, back := r.compressedSession()
	message := back.encode(ws.NewFrame(ws.OpText, true, []byte(records(100<<10))))
	back.put(message[:50<<10])
	wantMetric(t, r, `weir_bytes_total{direction="down"}`, 50<<10)
	answer, err := http.Post("http://"+r.AdminAddr().String()+"/sessions/close?ip=127.0.0.1&code=4403", "", nil)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	client.wantClose(4403)
}

// A message of which nothing more comes gives its memory back, whichever side sends it and though pings come in between; one
// that goes on, however slowly, does not end.
func TestGatherTimeout(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"up", "down", "pings", "slow"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			limit := 300 * time.Millisecond
			if way == "slow" {
				limit = 1500 * time.Millisecond
			}
			r := startCompressing(t, "tunnel", func(cfg *config.Config) {
				cfg.GatherTimeout, cfg.Messages, cfg.CloseTimeout = limit, config.MessagesJSON, 200*time.Millisecond
				cfg.GatherMemoryCode = 3008
			})
			client, back := r.compressedSession()
			source := client
			if way == "down" {
				source = back
			}
			message := source.encode(ws.NewFrame(ws.OpText, way == "down", []byte(records(100<<10))))
			switch way {
			case "pings": // a fragment is there, the next never comes
				client.put(message)
				ping := client.encode(ws.NewFrame(ws.OpPing, true, nil))
				for _, err := client.conn.Write(ping); err == nil; _, err = client.conn.Write(ping) {
					time.Sleep(20 * time.Millisecond) // until the session has ended
				}
			case "slow":
				source.put(message[:90<<10])
				for i := range 10 {
					time.Sleep(200 * time.Millisecond)
					source.put(message[90<<10+i : 90<<10+i+1])
				}
				if n := metric(t, r, "weir_sessions_open"); n != 1 {
					t.Error("a message that goes on was ended")
				}
				return
			default:
				source.put(message[:90<<10])
				client.wantClose(3008)
			}
			wantMetric(t, r, `weir_sessions_closed_total{reason="gather_timeout",code="3xxx"}`, 1)
			wantMetric(t, r, "weir_gathered_bytes", 0)
		})
	}
}

// What was read of a client before its connection broke goes to the backend, paced or not.
func TestLostClientWasRead(t *testing.T) {
	t.Parallel()
	for _, rate := range []string{"1000000/s", "1/1h burst 1"} {
		b := listen(t)
		g := rated(t, b, func(cfg *config.Config) { cfg.MessageRate, cfg.RateAction = limit(t, rate), config.RatePause })
		client, server := session(t, g, b)
		text := ""
		for _, word := range []string{"one", "two", "three"} {
			text += string(client.encode(ws.NewFrame(ws.OpText, true, []byte(word))))
		}
		client.write(text)
		server.want(ws.OpText, "one")
		client.reset()
		for _, word := range []string{"two", "three"} {
			if f, err := server.next(); err != nil || string(f.Payload) != word {
				t.Errorf("%s: wanted %q, got %q, error %v", rate, word, f.Payload, err)
				break
			}
		}
	}
}

// What max-message-size allows does not depend on how many loops share gather-memory.
func TestManyLoopsGather(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.Messages, cfg.Loops, cfg.MaxMessageSize = config.MessagesJSON, 64, 8<<20 }, b.url())
	client, server := session(t, g, b)
	text := `"` + strings.Repeat("x", 5<<20) + `"`
	go func() { _, _ = client.conn.Write(client.encode(ws.NewFrame(ws.OpText, true, []byte(text)))) }()
	if f, err := server.next(); err != nil || len(f.Payload) != len(text) {
		t.Errorf("opcode %d, %d bytes of %d, error %v", f.Header.OpCode, len(f.Payload), len(text), err)
	}
}
