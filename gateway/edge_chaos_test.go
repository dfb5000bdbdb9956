package gateway_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

const mixedClients = 40

// TestEdgeChaos mixes TLS, plain requests, uploads and upgrades on kept connections with faults on both sides. What a
// client gets is right as far as it goes, all ends, and every place is free again.
func TestEdgeChaos(t *testing.T) {
	t.Parallel()
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for round := range uint64(*chaosRounds) {
		for _, drain := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed=%d,drain=%t", seed+round, drain), func(t *testing.T) { edgeChaos(t, seed+round, drain) })
		}
	}
}

func edgeChaos(t *testing.T, seed uint64, drain bool) {
	var urls []string
	for i := range 2 {
		b := listen(t)
		go serveMixed(b.ln, rand.New(rand.NewPCG(seed, uint64(i))))
		urls = append(urls, b.url())
	}
	e := startTLS(t, func(cfg *config.Config) {
		cfg.Loops, cfg.ReadBuffer, cfg.HighWater, cfg.LowWater = 2, 4<<10, 8<<10, 1<<10
		cfg.MaxConnections, cfg.TLSHandshakes, cfg.StickyCookie = mixedClients, 4, "stay"
		cfg.HandshakeTimeout, cfg.BackendTimeout, cfg.HTTPTimeout = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
		cfg.IdleTimeout, cfg.HTTPIdleTimeout, cfg.DrainTimeout = 300*time.Millisecond, 200*time.Millisecond, 400*time.Millisecond
	}, urls...)
	hello := e.hello()
	var clients sync.WaitGroup
	for id := range mixedClients {
		c := &mixedClient{e: e, hello: hello, rng: rand.New(rand.NewPCG(seed, uint64(100+id)))}
		clients.Go(func() {
			if err := c.live(); err != nil {
				t.Errorf("client %d, after %v: %v", id, c.did, err)
			}
		})
	}
	if drain {
		time.Sleep(time.Duration(rand.New(rand.NewPCG(seed, 99)).IntN(400)) * time.Millisecond)
		e.Drain()
		clients.Wait()
		await(t, stopped(t, e), "the end")
		return
	}
	clients.Wait()
	for _, series := range []string{"weir_client_connections", "weir_sessions_open", "weir_sessions_ending", "weir_buffered_bytes", "weir_http_connections",
		"weir_tls_handshakes_running", "weir_tls_handshakes_waiting",
		`weir_endpoint_sessions{endpoint="` + urls[0] + `",route="default"}`, `weir_endpoint_sessions{endpoint="` + urls[1] + `",route="default"}`} {
		wantMetric(t, e, series, 0)
	}
	const full = `weir_sessions_refused_total{reason="too_many_connections"}`
	before := metric(t, e, full)
	var holders [mixedClients]*peer
	for i := range holders {
		holders[i] = connect(t, e)
		holders[i].write(strings.Replace(get, "/", "/size/1", 1))
	}
	for _, p := range holders {
		_ = p.conn.SetReadDeadline(time.Now().Add(patience))
		_, _ = p.in.ReadByte() // backends fail still
	}
	if n := metric(t, e, full) - before; n > 0 {
		t.Errorf("%v places were not given back", n)
	}
}

// mixedClient is the life of one client.
type mixedClient struct {
	e     *rig
	hello string
	rng   *rand.Rand
	conn  net.Conn
	in    *bufio.Reader
	did   []string
}

func (c *mixedClient) chance(of int) bool { return c.rng.IntN(of) == 0 }

// live tells of an error only if it should not be: of an answer that is not what was asked for, or of none and no end.
func (c *mixedClient) live() error {
	secure := c.chance(2)
	addr := c.e.Addrs()[0].String()
	if secure {
		addr = c.e.secureAddr()
	}
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return nil // drained
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(patience))
	if c.conn = raw; secure {
		if c.chance(8) { // gets no further than a part of its first words
			_, _ = io.WriteString(raw, c.hello[:1+c.rng.IntN(len(c.hello))])
			return c.bad(drop(raw))
		}
		s := tls.Client(raw, c.e.ca.clientTLS())
		if err := s.Handshake(); err != nil {
			return c.bad(err)
		}
		c.conn = s
	}
	c.in = bufio.NewReader(c.conn)
	for range c.rng.IntN(6) {
		if going, err := c.request(); !going {
			return c.bad(err)
		}
	}
	if c.chance(3) {
		return c.end(raw.(*net.TCPConn))
	}
	return c.bad(c.socket(raw.(*net.TCPConn)))
}

var errWrong = errors.New("wrong")

// bad lets the ends of connections pass, but for those that never come.
func (c *mixedClient) bad(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errWrong) {
		return err
	}
	return nil
}

func drop(conn net.Conn) error {
	_, err := io.Copy(io.Discard, conn)
	return err
}

// request asks for something and tells whether the connection is of further use.
func (c *mixedClient) request() (going bool, err error) {
	size, body := c.rng.IntN(40_000), ""
	text := fmt.Sprintf("GET /size/%d HTTP/1.1\r\nHost: weir.test\r\n\r\n", size)
	if c.chance(3) {
		body = strings.Repeat("u", c.rng.IntN(40_000))
		text = fmt.Sprintf("POST /size/%d HTTP/1.1\r\nHost: weir.test\r\nContent-Length: %d\r\n\r\n%s", size, len(body), body)
	}
	c.did = append(c.did, text[:20])
	if c.chance(10) {
		text = text[:c.rng.IntN(len(text))]
		_, _ = io.WriteString(c.conn, text)
		return false, nil
	}
	if _, err := io.WriteString(c.conn, text); err != nil {
		return false, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return false, err
	}
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		return err == nil && !answer.Close, err
	}
	if want := fmt.Sprint(len(body)) + strings.Repeat("d", size); string(got) != want {
		return false, fmt.Errorf("%w: %d bytes for %d", errWrong, len(got), len(want))
	}
	return !answer.Close, nil
}

// socket asks for a WebSocket and has messages echoed.
func (c *mixedClient) socket(raw *net.TCPConn) error {
	c.did = append(c.did, "socket")
	text, message := []byte(handshake("/")), func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 1+i*2000) }
	sent := 0
	if c.chance(3) {
		text, sent = append(text, ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(message(0))))...), 1
	}
	if _, err := c.conn.Write(text); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil || answer.StatusCode != 101 {
		return err
	}
	for i := range 1 + c.rng.IntN(8) {
		if i >= sent {
			if _, err := c.conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(message(i))))); err != nil {
				return err
			}
		}
		f, err := ws.ReadFrame(c.in)
		switch {
		case err != nil || f.Header.OpCode == ws.OpClose:
			return err
		case !bytes.Equal(f.Payload, message(i)):
			return fmt.Errorf("%w: message %d came as %.20q", errWrong, i, f.Payload)
		}
	}
	return c.end(raw)
}

// end leaves in one of several ways.
func (c *mixedClient) end(raw *net.TCPConn) error {
	switch c.rng.IntN(5) {
	case 0:
		_ = raw.SetLinger(0)
	case 1:
		_ = raw.CloseWrite()
		return c.bad(drop(c.conn))
	case 2:
		return c.bad(drop(c.conn)) // until a timeout of the gateway's
	case 3:
		_ = c.conn.Close()
	}
	return nil
}
