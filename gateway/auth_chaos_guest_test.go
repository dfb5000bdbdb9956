package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"
)

// guest is a client and what came of it.
type guest struct {
	t     *testing.T
	id    int
	rng   *rand.Rand
	route string
	good  bool     // its credential
	sent  []string // messages, as the backend is to get them

	mu  sync.Mutex
	got []string // at the backend
	any bool     // its handshake came to the backend
}

// visit is the client's life: a handshake, messages in pieces and with pings between, and some end.
func (c *guest) visit(g *rig) {
	conn, err := net.Dial("tcp", g.Addrs()[0].String())
	if err != nil {
		return // drained
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(chaosLife))
	c.route = []string{"close", "drop", "pause"}[c.rng.IntN(3)]
	request := []byte(c.request())
	if c.rng.IntN(8) == 0 {
		request = request[:c.rng.IntN(len(request))]
	}
	for range c.rng.IntN(12) {
		request = append(request, c.message()...)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, conn)
	}()
	for len(request) > 0 {
		n := 1 + c.rng.IntN(len(request))
		if _, err := conn.Write(request[:n]); err != nil {
			break
		}
		if request = request[n:]; c.rng.IntN(4) == 0 {
			time.Sleep(time.Duration(c.rng.IntN(60)) * time.Millisecond)
		}
	}
	switch c.rng.IntN(4) {
	case 0:
		_ = conn.(*net.TCPConn).SetLinger(0)
	case 1:
		_ = conn.(*net.TCPConn).CloseWrite()
		<-read
	case 2:
		<-read
	}
	_ = conn.Close()
	<-read
}

func (c *guest) request() string {
	kind := c.rng.IntN(6) // 0: none, 1: bad, 2: expires soon, others: good
	c.good = kind > 1
	exp := time.Now().Add(time.Hour)
	if kind == 2 {
		exp = time.Now().Add(time.Second)
	}
	alg := map[string]string{"close": "HS256", "drop": "ES256", "pause": "HS256"}[c.route]
	credential := token(c.t, alg, jwt.MapClaims{"exp": exp.Unix(), "sub": strconv.Itoa(c.id % 5)})
	if kind == 1 {
		credential += "AAAA"
	}
	target, ip := fmt.Sprintf("/%s/%d", c.route, c.id), c.rng.IntN(8)
	c.good = c.good && ip != 3 // which is denied
	lines := []string{"X-Forwarded-For: 192.0.2." + strconv.Itoa(ip)}
	switch {
	case kind == 0:
	case c.route == "pause" && c.good:
		lines = append(lines, "Authorization: good")
	case c.route == "close" && c.rng.IntN(2) == 0:
		target += "?token=" + credential
	default:
		lines = append(lines, bearer(credential))
	}
	return handshake(target, lines...)
}

// message makes one, in fragments with pings between.
func (c *guest) message() (wire []byte) {
	whole := fmt.Sprintf("%d.%d:", c.id, len(c.sent)) + strings.Repeat(string(rune('a'+c.rng.IntN(26))), c.rng.IntN(2000))
	c.sent = append(c.sent, whole)
	op := ws.OpText
	for rest := whole; ; op = ws.OpContinuation {
		n := c.rng.IntN(len(rest) + 1)
		if c.rng.IntN(2) == 0 {
			n = len(rest)
		}
		f := ws.NewFrame(op, n == len(rest), []byte(rest[:n]))
		wire = append(wire, ws.MustCompileFrame(ws.MaskFrame(f))...)
		if c.rng.IntN(3) == 0 {
			wire = append(wire, ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame(nil)))...)
		}
		if rest = rest[n:]; f.Header.Fin {
			return wire
		}
	}
}

// serveGuests is the backend. It keeps whole messages.
func serveGuests(ln net.Listener, guests *[guestCount]guest, all *sync.WaitGroup) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(chaosLife))
			in := bufio.NewReader(conn)
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			id, _ := strconv.Atoi(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
			guests[id].came()
			_, _ = io.WriteString(conn, switching(&message{fields: r.Header}))
			var whole bytes.Buffer
			for {
				f, err := ws.ReadFrame(in)
				if err != nil {
					return
				}
				if f = ws.UnmaskFrameInPlace(f); f.Header.OpCode.IsData() {
					whole.Write(f.Payload)
				}
				if f.Header.OpCode.IsData() && f.Header.Fin {
					guests[id].arrived(whole.String())
					whole.Reset()
				}
				if f.Header.OpCode == ws.OpClose {
					return
				}
			}
		})
	}
}

func (c *guest) came() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.any = true
}

func (c *guest) arrived(message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, message)
}

// judge: nobody came through without a good credential; of what was sent the first messages arrived, each as it was,
// and no more than the route's rate lets pass.
func (c *guest) judge() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.any && !c.good:
		return fmt.Errorf("the backend was reached without a good credential")
	case c.route != "pause" && len(c.got) > guestBurst:
		return fmt.Errorf("%d messages passed", len(c.got))
	case len(c.got) > len(c.sent):
		return fmt.Errorf("%d messages arrived of %d", len(c.got), len(c.sent))
	}
	for i, m := range c.got {
		if m != c.sent[i] {
			return fmt.Errorf("message %d is %.20q, and was %.20q", i, m, c.sent[i])
		}
	}
	return nil
}
