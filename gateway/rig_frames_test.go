package gateway_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// send sends a whole frame, masked as the peer's role has it.
func (p *peer) send(op ws.OpCode, payload string) {
	p.t.Helper()
	p.put(p.encode(ws.NewFrame(op, true, []byte(payload))))
}

func (p *peer) encode(f ws.Frame) []byte {
	if p.client {
		f = ws.MaskFrame(f)
	}
	return ws.MustCompileFrame(f)
}

// sendClose sends a close frame with a code.
func (p *peer) sendClose(code ws.StatusCode) {
	p.t.Helper()
	p.send(ws.OpClose, string(ws.NewCloseFrameBody(code, "")))
}

// compressed is a message in one frame, or in fragments of so many bytes and one with the rest.
func (p *peer) compressed(op ws.OpCode, message string, fragments ...int) (frames [][]byte) {
	rest := deflated(message)
	for i, size := range append(fragments, len(rest)) {
		size = min(size, len(rest))
		f := ws.NewFrame(op, i == len(fragments), bytes.Clone(rest[:size]))
		f.Header.Rsv = ws.Rsv(i == 0, false, false)
		frames, op, rest = append(frames, p.encode(f)), ws.OpContinuation, rest[size:]
	}
	return frames
}

// pressed is a message whose payload is compressed already, in one frame.
func (p *peer) pressed(payload []byte) []byte {
	f := ws.NewBinaryFrame(bytes.Clone(payload))
	f.Header.Rsv = ws.Rsv(true, false, false)
	return p.encode(f)
}

// next reads a frame, unmasked, and inflated where compression was agreed on; err is io.EOF between two frames.
func (p *peer) next() (ws.Frame, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := ws.ReadFrame(p.in)
	if err == nil && f.Header.Masked == p.client {
		err = errors.New("a frame is masked in the wrong direction")
	}
	if err == nil && f.Header.Masked {
		f = ws.UnmaskFrameInPlace(f)
	}
	if err != nil || !p.deflates || !f.Header.Rsv1() {
		return f, err
	}
	if !p.client || !f.Header.Fin {
		return f, errors.New("RSV1 on a frame that is none of a whole message for a client")
	}
	f.Payload, err = inflated(f.Payload)
	return f, err
}

// peekPing tells whether the frame that comes next is a ping.
func (p *peer) peekPing() bool {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	b, err := p.in.Peek(1)
	return err == nil && b[0] == 0x89
}

// want reads the frame that has to come next, and tells whether it was compressed.
func (p *peer) want(op ws.OpCode, payload string) (compressed bool) {
	p.t.Helper()
	f, err := p.next()
	if err != nil || f.Header.OpCode != op || string(f.Payload) != payload {
		p.t.Fatalf("wanted opcode %d, %d bytes %.40q, got opcode %d, %d bytes %.40q, error %v",
			op, len(payload), payload, f.Header.OpCode, len(f.Payload), f.Payload, err)
	}
	if p.deflates && !f.Header.Fin {
		p.t.Fatalf("wanted a whole message %.40q, got a fragment", payload)
	}
	return f.Header.Rsv1()
}

// wantClose reads the close frame that has to come next.
func (p *peer) wantClose(code ws.StatusCode) {
	p.t.Helper()
	f, err := p.next()
	if err != nil || f.Header.OpCode != ws.OpClose {
		p.t.Fatalf("wanted close %d, got opcode %d %.40q, error %v", code, f.Header.OpCode, f.Payload, err)
	}
	if got, _ := ws.ParseCloseFrameData(f.Payload); got != code {
		p.t.Fatalf("wanted close %d, got %d", code, got)
	}
}

// fill sends unit over and over until nothing goes any more, for several stalls in a row, as a busy gateway takes nothing for a
// while, too; an error if that never comes.
func (p *peer) fill(unit []byte) (sent int, err error) {
	for stalls := 0; sent < 256<<20; {
		_ = p.conn.SetWriteDeadline(time.Now().Add(stall / 2))
		n, err := p.conn.Write(unit[sent%len(unit):])
		sent += n
		if n > 0 {
			stalls = 0
		} else if stalls++; stalls == 5 && errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, err
		}
	}
	return sent, errors.New("nothing holds the sender back")
}

// flood sends b over and over, from a goroutine of its own, until the peer is closed or the gateway takes no more.
func (p *peer) flood(b []byte) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for p.try(b) == nil {
		}
	}()
	return done
}

const (
	deflateTail = "\x00\x00\xff\xff"                   // what a message goes without (RFC 7692 section 7.2.1)
	deflateEnd  = deflateTail + "\x01\x00\x00\xff\xff" // with a final block, for the library
)

// deflated is a message's payload as the standard library compresses it.
func deflated(message string) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression)
	_, _ = io.WriteString(w, message)
	_ = w.Flush()
	return bytes.TrimSuffix(out.Bytes(), []byte(deflateTail))
}

func inflated(payload []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader(deflateEnd))))
}

// bomb inflates to n MiB of one character; a thousandth of that is on the wire.
func bomb(n int, of byte) []byte {
	one, ok := bombs.Load(of)
	if !ok {
		one, _ = bombs.LoadOrStore(of, append(deflated(strings.Repeat(string([]byte{of}), 1<<20)), deflateTail...))
	}
	return bytes.TrimSuffix(bytes.Repeat(one.([]byte), n), []byte(deflateTail))
}

// bombs are those of one MiB, by their character: they take long to make.
var bombs sync.Map

// records is n bytes of JSON such as is sent in practice, less what is cut of a character.
func records(n int) string {
	rng, out := rand.New(rand.NewPCG(1, uint64(n))), new(strings.Builder)
	for out.WriteByte('['); out.Len() < n; {
		fmt.Fprintf(out, `{"id":%d,"symbol":"S%d","price":%.2f,"side":"buy","grüße":true},`, out.Len(), rng.IntN(50), 100*rng.Float64())
	}
	return strings.ToValidUTF8(out.String()[:n], "")
}

// noise is n bytes that nothing makes shorter.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return string(b)
}
