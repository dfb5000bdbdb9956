package gateway_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"
)

// chaosEnd is one end of a session. It writes on one goroutine and reads on another.
type chaosEnd struct {
	rng    *rand.Rand // the writer's
	client bool
	conn   halfCloser
	in     *bufio.Reader
	slow   time.Duration // before it reads
	sent   [][]byte      // frames, on the wire; the last one may have gone in part
	pongs  chan []byte   // to be sent between two frames; the gateway keeps them
	got    []byte
	err    error
}

func (e *chaosEnd) start(conn net.Conn) {
	e.conn, e.in, e.pongs = conn.(halfCloser), bufio.NewReader(conn), make(chan []byte, 8)
	_ = conn.SetDeadline(time.Now().Add(chaosLife))
	if e.chance(4) {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4 << 10)
		}
		e.slow = time.Duration(e.rng.IntN(1500)) * time.Millisecond
	}
}

func (e *chaosEnd) chance(of int) bool { return e.rng.IntN(of) == 0 }

// dial is the life of a client.
func (e *chaosEnd) dial(g *rig, id int) {
	conn, err := net.Dial("tcp", g.Addrs()[0].String())
	if err != nil {
		return // drained
	}
	defer conn.Close()
	e.start(conn)
	request := []byte(handshake("/" + strconv.Itoa(id)))
	switch e.rng.IntN(12) {
	case 0:
		return
	case 1:
		request = request[:e.rng.IntN(len(request))]
	case 2: // early data
		request = append(request, e.frame()...)
	}
	if !e.write(request) || e.chance(20) {
		return
	}
	answer, err := http.ReadResponse(e.in, nil)
	if err != nil {
		e.note(err)
		return
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		_, err = io.Copy(io.Discard, answer.Body)
		e.note(err)
		return
	}
	e.live()
}

// serve is the life of a session at the backend, which answers it somehow.
func (e *chaosEnd) serve(answer func(yes bool) bool) {
	switch e.rng.IntN(16) {
	case 0:
		return
	case 1:
		e.note(e.drop()) // never answers
	case 2:
		answer(false)
	default:
		if answer(true) && e.write(e.frame()) {
			e.live()
		}
	}
}

func (e *chaosEnd) drop() error {
	_, err := io.Copy(io.Discard, e.in)
	return err
}

// live talks until it has said enough, and reads until the connection ends.
func (e *chaosEnd) live() {
	read := make(chan struct{})
	go func() {
		defer close(read)
		time.Sleep(e.slow)
		e.read()
	}()
	if e.talk() {
		<-read
	}
	_ = e.conn.Close()
	<-read
}

// read keeps all that comes, and has pings of the gateway's answered, mostly.
func (e *chaosEnd) read() {
	b := make([]byte, 8<<10)
	for {
		n, err := e.in.Read(b)
		e.got = append(e.got, b[:n]...)
		if i := bytes.LastIndex(b[:n], []byte{0x89, 8}); e.client && i >= 0 && i+10 <= n && b[0]%4 != 0 {
			select {
			case e.pongs <- e.encode(ws.NewPongFrame(bytes.Clone(b[i+2 : i+10]))):
			default:
			}
		}
		if err != nil {
			e.note(err)
			return
		}
	}
}

// note keeps an error that tells of a connection which did not end.
func (e *chaosEnd) note(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e.err = errors.New("the connection stayed open")
	}
}

// talk sends frames and then ends in one of many ways. It tells whether the end of the connection is to be waited for.
func (e *chaosEnd) talk() bool {
	for range e.rng.IntN(20) {
		select {
		case pong := <-e.pongs:
			e.write(pong)
		default:
		}
		if !e.write(e.frame()) {
			return true
		}
		if e.chance(4) {
			time.Sleep(time.Duration(e.rng.IntN(60)) * time.Millisecond)
		}
	}
	if e.chance(3) {
		f := e.frame()
		e.write(f[:e.rng.IntN(len(f))])
	} else if e.chance(2) {
		e.write(e.keep(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(ownCode+e.rng.IntN(100)), strings.Repeat("b", e.rng.IntN(100))))))
	} else if e.chance(6) {
		e.write(e.encode(ws.NewFrame(ws.OpCode(5), true, nil))) // no such opcode
	}
	switch e.rng.IntN(5) {
	case 0:
		if tcp, ok := e.conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return false
	case 1:
		return false
	case 2:
		_ = e.conn.CloseWrite()
	}
	return true
}

// frame makes the next one that this end sends, unlike all others.
func (e *chaosEnd) frame() []byte {
	size := e.rng.IntN(300)
	if e.chance(3) {
		size = e.rng.IntN(20000)
	}
	op := [...]ws.OpCode{ws.OpBinary, ws.OpText, ws.OpText, ws.OpPing, ws.OpPong}[e.rng.IntN(5)]
	if op.IsControl() {
		size = 9 + size%117 // the gateway's own have 8 bytes
	}
	payload := bytes.Repeat([]byte{' '}, size)
	for i := range payload {
		payload[i] = 'a' + byte(e.rng.IntN(26))
	}
	return e.keep(ws.NewFrame(op, true, payload))
}

// keep notes a frame before any of it is sent.
func (e *chaosEnd) keep(f ws.Frame) []byte {
	wire := e.encode(f)
	e.sent = append(e.sent, wire)
	return wire
}

func (e *chaosEnd) encode(f ws.Frame) []byte {
	if e.client {
		f = ws.MaskFrameInPlace(f)
	}
	return ws.MustCompileFrame(f)
}

// write sends b, whole or in pieces.
func (e *chaosEnd) write(b []byte) bool {
	for len(b) > 0 {
		n := len(b)
		if e.chance(3) {
			n = 1 + e.rng.IntN(n)
		}
		if _, err := e.conn.Write(b[:n]); err != nil {
			e.note(err)
			return false
		}
		if b = b[n:]; len(b) > 0 && e.chance(3) {
			time.Sleep(time.Duration(e.rng.IntN(3)) * time.Millisecond)
		}
	}
	return true
}
