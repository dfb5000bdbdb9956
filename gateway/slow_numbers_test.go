package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// shedMessages counts what clients that were too slow have missed.
const shedMessages = `weir_messages_dropped_total{reason="slow_reader"}`

// numbered is the payload of message i: its number, and text of about that size that only this message has and that
// compresses badly.
func numbered(i, size int) string {
	b := make([]byte, size*3/4)
	_, _ = rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}).Read(b)
	return fmt.Sprintf("%d,", i) + tokenEncoding.EncodeToString(b)
}

// script is the messages that a backend sends, in frames that random cuts, with pings between them.
type script struct {
	random  *rand.Rand
	maxSize int
	sent    []string
	bytes   int // on the wire
	pings   int
}

// next is a message on the wire.
func (s *script) next() []byte {
	i := len(s.sent)
	size := s.random.IntN(60)
	if s.random.IntN(10) == 0 {
		size = s.random.IntN(s.maxSize)
	}
	text := numbered(i, size)
	s.sent = append(s.sent, text)
	var b bytes.Buffer
	op := ws.OpText
	for rest := text; ; op = ws.OpContinuation {
		n := len(rest)
		if s.random.IntN(3) == 0 {
			n = s.random.IntN(n + 1)
		}
		_ = ws.WriteFrame(&b, ws.NewFrame(op, n == len(rest), []byte(rest[:n])))
		if s.random.IntN(20) == 0 {
			s.pings++
			_ = ws.WriteFrame(&b, ws.NewPingFrame([]byte("beat")))
		}
		if n == len(rest) {
			s.bytes += b.Len()
			return b.Bytes()
		}
		rest = rest[n:]
	}
}

// nextMessage reads a message, with the control frames that came before its end.
func (p *peer) nextMessage() (text string, controls []ws.Frame, err error) {
	var b []byte
	inflate := false
	for first := true; ; {
		f, err := p.next()
		switch op := f.Header.OpCode; {
		case err != nil:
			return "", controls, err
		case op == ws.OpClose:
			return "", append(controls, f), io.EOF
		case op.IsControl():
			controls = append(controls, f)
			continue
		case first != (op != ws.OpContinuation):
			return "", controls, fmt.Errorf("opcode %d inside a message, or none begun", op)
		case first:
			inflate = f.Header.Rsv1()
		}
		first, b = false, append(b, f.Payload...)
		if f.Header.Fin {
			break
		}
	}
	if inflate { // without context takeover each stands alone (RFC 7692 section 7.2.2)
		b, err = inflated(b)
	}
	return string(b), controls, err
}

// wantSome reads messages up to the last of those sent, or to a close frame, and holds them against those: each as it was
// sent, in order, with some left out. It returns how many came, and the close code, 0 without one.
func (p *peer) wantSome(sent []string, toClose bool) (came int, code ws.StatusCode) {
	p.t.Helper()
	at := 0
	for {
		text, controls, err := p.nextMessage()
		for _, f := range controls {
			switch op := f.Header.OpCode; {
			case op == ws.OpClose && toClose:
				code, _ = ws.ParseCloseFrameData(f.Payload)
				return came, code
			case op != ws.OpPing:
				p.t.Fatalf("opcode %d", op)
			}
		}
		if err != nil {
			p.t.Fatalf("after %d messages: %v", came, err)
		}
		n := slices.Index(sent[at:], text)
		if n < 0 {
			p.t.Fatalf("message %d to come is %.40q, which was not sent behind message %d", came, text, at-1)
		}
		came, at = came+1, at+n+1
		if at == len(sent) && !toClose {
			return came, 0
		}
	}
}

// shedFrom has a backend send to a client that does not read until so many messages were left out.
func (f *peer) shedFrom(r *rig, s *script, count float64) {
	f.t.Helper()
	for end := time.Now().Add(4 * patience); metric(f.t, r, shedMessages) < count; {
		if time.Now().After(end) {
			f.t.Fatal("nothing was left out")
		}
		var b []byte
		for range 100 {
			b = append(b, s.next()...)
		}
		f.write(string(b))
	}
}

func newScript(t testing.TB, seed uint64, maxSize int) *script {
	t.Helper()
	return &script{random: rand.New(rand.NewPCG(seed, 1)), maxSize: maxSize}
}
