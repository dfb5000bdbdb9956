package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// heard is what a client got.
type heard struct {
	messages []string
	pings    int
	err      error
}

// TestSlowModel has backends that say whatever they like to clients that pause as they like, and holds what they hear
// against a plain model: some of the messages, each whole and in order, the last one always; the others were counted.
// With compression the gateway deflates each message for itself, so that none needs another.
func TestSlowModel(t *testing.T) {
	t.Parallel()
	const clients, count = 6, 300
	for _, seed := range []uint64{1, 2} {
		for _, policy := range []config.SlowReader{config.SlowWait, config.SlowDrop} {
			t.Run(fmt.Sprintf("seed=%d,%s", seed, policy), func(t *testing.T) {
				t.Parallel()
				eachBackend(t, func(cfg *config.Config) {
					narrow(cfg, policy, 100*time.Millisecond)
					cfg.PingInterval, cfg.PongTimeout = 50*time.Millisecond, patience
					if seed%2 == 0 {
						cfg.Compression = config.CompressionGateway
					}
				}, func(t *testing.T, r *rig) {
					var scripts [clients]*script
					var all [clients]chan heard
					total, came := 0, 0
					gap := make(chan struct{}) // closed when clients may begin to read
					for i := range clients {
						client, server := r.slowSession("Sec-WebSocket-Extensions: permessage-deflate")
						scripts[i], all[i] = newScript(t, seed+uint64(i)<<32, 30000), make(chan heard, 1)
						var wire []byte
						for len(scripts[i].sent) < count {
							wire = append(wire, scripts[i].next()...)
						}
						go speak(server, wire, seed+uint64(i))
						go func() { <-gap; all[i] <- client.hearUntil(scripts[i].sent[count-1], seed+uint64(i)) }()
					}
					held, least := "weir_buffered_bytes", 1.0
					if policy == config.SlowDrop {
						held, least = shedMessages, 1
					}
					if !eventually(func() bool { return metric(t, r, held) >= least }) {
						t.Errorf("%s does not reach %v while nobody reads", held, least)
					}
					close(gap)
					for i := range clients {
						h := <-all[i]
						if err := h.judge(scripts[i].sent); err != nil {
							t.Fatalf("client %d: %v", i, err)
						}
						came += len(h.messages)
						total += count
					}
					if shed := int(metric(t, r, shedMessages)); came+shed != total || (shed > 0) != (policy == config.SlowDrop) {
						t.Errorf("%d messages were sent, %d came, %d are counted as left out", total, came, shed)
					}
				})
			})
		}
	}
}

// speak sends what a backend has to say, in pieces of any size.
func speak(server *peer, wire []byte, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	for len(wire) > 0 {
		n := min(len(wire), 1+random.IntN(20000))
		if server.try(wire[:n]) != nil {
			return
		}
		wire = wire[n:]
	}
}

// hearUntil reads up to the last message, now and then not for a while, and answers the gateway's pings.
func (p *peer) hearUntil(last string, seed uint64) (h heard) {
	random := rand.New(rand.NewPCG(seed, 3))
	for {
		if random.IntN(60) == 0 {
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
		}
		text, controls, err := p.nextMessage()
		for _, f := range controls {
			switch {
			case f.Header.OpCode != ws.OpPing:
				h.err = fmt.Errorf("opcode %d", f.Header.OpCode)
				return h
			case len(f.Payload) == 8:
				_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
				_, _ = p.conn.Write(p.encode(ws.NewPongFrame(f.Payload)))
			default:
				h.pings++
			}
		}
		if h.err = err; err != nil {
			return h
		}
		if h.messages = append(h.messages, text); text == last {
			return h
		}
	}
}

func (h *heard) judge(sent []string) error {
	if h.err != nil {
		return fmt.Errorf("after %d messages: %w", len(h.messages), h.err)
	}
	at := 0
	for _, m := range h.messages {
		n := slices.Index(sent[at:], m)
		if n < 0 {
			return fmt.Errorf("%.40q was not sent behind message %d", m, at-1)
		}
		at += n + 1
	}
	return nil
}
