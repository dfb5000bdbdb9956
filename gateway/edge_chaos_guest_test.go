package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gobwas/ws"
)

// serveMixed is a backend of both kinds of requests that fails now and then.
func serveMixed(ln net.Listener, rng *rand.Rand) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		go func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			in := bufio.NewReader(conn)
			for serveMixedOne(conn.(*net.TCPConn), in, own) {
			}
		}()
	}
}

func serveMixedOne(conn *net.TCPConn, in *bufio.Reader, rng *rand.Rand) (again bool) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return false
	}
	fault := rng.IntN(24)
	switch {
	case fault == 0:
		return false
	case fault == 1:
		_ = conn.SetLinger(0)
		return false
	case fault == 2:
		_ = drop(conn) // never answers
		return false
	case fault == 3:
		_, _ = io.WriteString(conn, "HTTP/1.1 nonsense\r\n\r\n")
		return false
	case r.Header.Get("Upgrade") != "":
		_, _ = io.WriteString(conn, switching(&message{fields: r.Header}))
		echoMixed(conn, in, rng)
		return false
	}
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return false
	}
	var size int
	_, _ = fmt.Sscanf(r.URL.Path, "/size/%d", &size)
	body := fmt.Sprint(n) + strings.Repeat("d", size)
	answer := head("HTTP/1.1 200 OK", fmt.Sprintf("Content-Length: %d", len(body))) + body
	if fault == 4 {
		answer = answer[:rng.IntN(len(answer))]
	}
	_, err = io.WriteString(conn, answer)
	return err == nil && fault > 5
}

func echoMixed(conn *net.TCPConn, in *bufio.Reader, rng *rand.Rand) {
	for rng.IntN(12) > 0 {
		f, err := ws.ReadFrame(in)
		if err != nil || f.Header.OpCode == ws.OpClose {
			return
		}
		b := ws.MustCompileFrame(ws.NewFrame(f.Header.OpCode, true, ws.UnmaskFrame(f).Payload))
		if rng.IntN(20) == 0 {
			b = b[:rng.IntN(len(b))]
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
	if rng.IntN(2) == 0 {
		_ = conn.SetLinger(0)
	}
}
