package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/admin"
	"weir/gateway/config"
	"weir/upstream/accept"
)

const (
	roamers   = 30
	roamNote  = "a notice of the gateway"
	roamKinds = 4
)

// TestMoveChaos has sessions roam among backends that are drained, break, close, fall silent and speak out of turn, beneath clients that
// end as they like. Messages are numbered both ways and say which backend they are of: none is doubled, out of order or of two backends;
// none is missing but behind the last word of a backend that did not end in order; and when all is over, nothing is counted any more.
func TestMoveChaos(t *testing.T) {
	t.Parallel()
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for round := range uint64(*chaosRounds) {
		for kind := range roamKinds {
			for _, way := range ways[:2] {
				t.Run(fmt.Sprintf("seed=%d,kind=%d,%s", seed+round, kind, way), func(t *testing.T) {
					if *chaosRounds == 1 {
						t.Parallel()
					}
					roam(t, seed+round, kind, way == "pool")
				})
			}
		}
	}
}

// roamer is a session: its client, and the backends that it has had.
type roamer struct {
	mu    sync.Mutex
	hosts []*host
}

// host is one backend's part in a session.
type host struct {
	rng         *rand.Rand
	number      int // of the session's hosts
	got         bool
	first, last uint64 // that it got
	told        uint64
	orderly     bool // it has had a close frame, and ended behind the answer to all before
}

// orderlyFrom tells whether all hosts from one on up to another ended in order.
func (r *roamer) orderlyFrom(from, to int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.hosts[from:to] {
		if !h.orderly {
			return false
		}
	}
	return true
}

func roam(t *testing.T, seed uint64, kind int, pooled bool) {
	var urls []string
	var backends []*backend
	for range 3 {
		b := listen(t)
		if pooled {
			b = listenPool(t)
		}
		backends, urls = append(backends, b), append(urls, b.url())
	}
	var sessions [roamers]roamer
	g := start(t, func(cfg *config.Config) {
		cfg.Loops, cfg.ReadBuffer, cfg.HighWater, cfg.LowWater = 2, 4<<10, 8<<10, 1<<10
		cfg.OnBackendLoss, cfg.ReopenNotice, cfg.ReopenWait, cfg.PoolSpread = config.LossReopen, roamNote, 300*time.Millisecond, 0
		cfg.CloseTimeout, cfg.DrainTimeout, cfg.BackendTimeout = 3*time.Second, 300*time.Millisecond, patience
		cfg.Balance, cfg.Outlier, cfg.ConnectRetries = config.BalanceLeast, false, 3
		cfg.ValidateUTF8 = kind != 0
		switch kind {
		case 1:
			cfg.BackendPing, cfg.PingInterval, cfg.PongTimeout = 100*time.Millisecond, 100*time.Millisecond, patience
		case 2:
			cfg.Compression = config.CompressionGateway
		case 3:
			cfg.MessageRate, cfg.RateAction = limit(t, "100/s burst 3"), config.RatePause
		}
	}, urls...)
	for _, b := range backends {
		b.serve(func(p *peer) {
			_ = p.conn.SetReadDeadline(time.Now().Add(patience))
			if p.tcp != nil {
				if _, err := p.in.Peek(1); err != nil {
					_ = p.conn.Close()
					return // the session had ended meanwhile
				}
			}
			if err := sessions[roamerOf(p)].serve(p, seed); err != nil {
				t.Error(err)
			}
		})
	}
	stop := make(chan struct{})
	var drainer sync.WaitGroup
	drainer.Go(func() { drainInTurn(t, g, rand.New(rand.NewPCG(seed, 7)), stop) })
	var clients sync.WaitGroup
	for i := range sessions {
		clients.Go(func() {
			if err := sessions[i].live(g, i, rand.New(rand.NewPCG(seed, uint64(100+i))), kind == 2); err != nil {
				t.Errorf("session %d: %v", i, err)
			}
		})
	}
	clients.Wait()
	close(stop)
	drainer.Wait()
	for i := range sessions {
		if err := sessions[i].judge(); err != nil {
			t.Errorf("session %d, at its backends: %v", i, err)
		}
	}
	for _, series := range []string{"weir_client_connections", "weir_sessions_open", "weir_sessions_ending", "weir_buffered_bytes", "weir_kept_handshake_bytes", "weir_pool_streams",
		`weir_endpoint_sessions{endpoint="` + urls[0] + `",route="default"}`, `weir_endpoint_sessions{endpoint="` + urls[1] + `",route="default"}`, `weir_endpoint_sessions{endpoint="` + urls[2] + `",route="default"}`} {
		wantMetric(t, g, series, 0)
	}
	moved := 0.0
	for _, reason := range []string{"manual", "backend_close", "backend_gone", "backend_lost"} {
		moved += metric(t, g, `weir_moves_total{reason="`+reason+`",outcome="moved"}`)
	}
	if moved == 0 {
		t.Error("no session was moved")
	}
}

// drainInTurn has one backend after the other be left by its sessions.
func drainInTurn(t *testing.T, g *rig, rng *rand.Rand, stop chan struct{}) {
	var list []admin.Endpoint
	wantJSON(t, g, "/endpoints", &list)
	for {
		e := list[rng.IntN(len(list))]
		for _, what := range []string{"drain", "enable"} {
			if status, body := ask(t, g, "POST", "/endpoints/"+e.ID+"/"+what); status != 200 {
				t.Error(status, body)
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(50+rng.IntN(200)) * time.Millisecond):
			}
		}
	}
}

func roamerOf(p *peer) (i int) {
	path := ""
	if stream, ok := p.conn.(*accept.Conn); ok {
		path = stream.Request().Path
	} else {
		path = strings.Fields(p.asked().first)[1]
	}
	_, _ = fmt.Sscanf(path, "/%d", &i)
	return i
}

// pieces is a message in frames, in any number of fragments.
func pieces(p *peer, rng *rand.Rand, text string) (wire []byte) {
	op := ws.OpText
	for rng.IntN(3) == 0 && len(text) > 1 {
		n := 1 + rng.IntN(len(text)-1)
		wire = append(wire, p.encode(ws.NewFrame(op, false, []byte(text[:n])))...)
		op, text = ws.OpContinuation, text[n:]
		if rng.IntN(4) == 0 {
			wire = append(wire, p.encode(ws.NewPongFrame([]byte("by the way")))...)
		}
	}
	return append(wire, p.encode(ws.NewFrame(op, true, []byte(text)))...)
}

// padding is some text that tells whose it is, with characters of two bytes.
func padding(rng *rand.Rand, of int) string {
	n := rng.IntN(60)
	if rng.IntN(10) == 0 {
		n = rng.IntN(6000)
	}
	return strings.Repeat(string(rune('à'+of%20)), n)
}

// hear reads a message; pings are answered. The code is that of a close frame.
func hear(p *peer, say func([]byte) error) (text string, code ws.StatusCode, err error) {
	var whole []byte
	for {
		f, err := p.next()
		switch {
		case err != nil:
			if len(whole) > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", 0, err
		case f.Header.OpCode == ws.OpClose:
			code, _ := ws.ParseCloseFrameData(f.Payload)
			return "", max(code, 1), nil
		case f.Header.OpCode == ws.OpPing:
			if err := say(p.encode(ws.NewPongFrame(f.Payload))); err != nil {
				return "", 0, err
			}
		case f.Header.OpCode.IsControl():
		default:
			if whole = append(whole, f.Payload...); f.Header.Fin {
				return string(whole), 0, nil
			}
		}
	}
}

// serve is one backend's part in the session.
func (r *roamer) serve(p *peer, seed uint64) error {
	defer p.conn.Close()
	r.mu.Lock()
	h := &host{number: len(r.hosts)}
	h.rng = rand.New(rand.NewPCG(seed, uint64(h.number)<<32|uint64(roamerOf(p))))
	r.hosts = append(r.hosts, h)
	r.mu.Unlock()
	rng := h.rng
	if h.number > 0 {
		switch rng.IntN(20) {
		case 0:
			p.reset()
			return nil
		case 1:
			declineWith(p, 503)
			return nil
		}
	}
	if agreeWith(p) != nil {
		return nil // likewise
	}
	say := func(b []byte) error { return p.try(b) }
	if rng.IntN(3) == 0 { // before its turn
		for range rng.IntN(60) {
			if h.tell(p, r) != nil {
				return nil
			}
		}
	}
	for life := rng.IntN(150); ; life-- {
		text, code, err := hear(p, say)
		if err != nil {
			return nil // the gateway may drop it at any time
		}
		if code != 0 {
			h.leave(p, r, code)
			return nil
		}
		var n uint64
		var pad string
		_, _ = fmt.Sscan(text, &n, &pad)
		r.mu.Lock()
		fine := !h.got || n == h.last+1
		if !h.got {
			h.first = n
		}
		h.got, h.last = true, n
		r.mu.Unlock()
		if !fine {
			return fmt.Errorf("host %d got message %d behind %d", h.number, n, h.last)
		}
		if err := h.tell(p, r); err != nil {
			return nil
		}
		if p.try(pieces(p, rng, fmt.Sprintf("echo %d %d %s", h.number, n, padding(rng, h.number)))) != nil {
			return nil
		}
		if life == 0 {
			h.fail(p)
			return nil
		}
	}
}

func declineWith(p *peer, status int) {
	if stream, ok := p.conn.(*accept.Conn); ok {
		_ = stream.Refuse(status, http.Header{}, "")
		return
	}
	_ = p.try([]byte(head(fmt.Sprintf("HTTP/1.1 %d No", status), "Content-Length: 0")))
}

func agreeWith(p *peer) error {
	if stream, ok := p.conn.(*accept.Conn); ok {
		return stream.Respond(nil)
	}
	return p.try([]byte(switching(p.asked())))
}

// tell sends the host's next message of its own.
func (h *host) tell(p *peer, r *roamer) error {
	r.mu.Lock()
	n := h.told
	h.told++
	r.mu.Unlock()
	return p.try(pieces(p, h.rng, fmt.Sprintf("told %d %d %s", h.number, n, padding(h.rng, h.number))))
}

// leave is what a host does behind a close frame.
func (h *host) leave(p *peer, r *roamer, code ws.StatusCode) {
	if h.rng.IntN(8) == 0 {
		h.fail(p)
		return
	}
	for range h.rng.IntN(5) {
		if h.tell(p, r) != nil {
			return
		}
	}
	r.mu.Lock()
	h.orderly = true
	r.mu.Unlock()
	p.sendsClose(code)
	_ = p.conn.CloseWrite()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, p.in)
}

func (p *peer) sendsClose(code ws.StatusCode) {
	_ = p.try(p.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(code, "good-bye"))))
}

// fail ends the host's part in a way that is not in order.
func (h *host) fail(p *peer) {
	switch h.rng.IntN(8) {
	case 0, 1:
		p.reset()
	case 2:
		_ = p.conn.CloseWrite()
	case 3, 4:
		p.sendsClose([]ws.StatusCode{1001, 1012}[h.rng.IntN(2)])
	case 5:
		p.sendsClose(4321)
	case 6: // in the middle of a message
		_ = p.try(p.encode(ws.NewTextFrame(make([]byte, 100)))[:3+h.rng.IntN(99)])
		p.reset()
		return
	case 7: // a frame that is masked
		_ = p.try(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("x")))))
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, p.in)
}

// judge compares what the hosts got.
func (r *roamer) judge() error {
	r.mu.Lock()
	var hosts []host
	for _, h := range r.hosts {
		hosts = append(hosts, *h)
	}
	r.mu.Unlock()
	before := -1
	for i, h := range hosts {
		if !h.got {
			continue
		}
		if before >= 0 {
			last := hosts[before].last
			if h.first <= last || h.first > last+1 && r.orderlyFrom(before, i) {
				return fmt.Errorf("host %d got %d to %d, host %d got %d on", before, hosts[before].first, last, i, h.first)
			}
		}
		before = i
	}
	return nil
}

// live is the client's part.
func (r *roamer) live(g *rig, id int, rng *rand.Rand, deflates bool) error {
	p := connect(g.t, g)
	defer p.conn.Close()
	var lines []string
	if deflates && rng.IntN(2) == 0 {
		lines, p.deflates = []string{offersDeflate}, true
	}
	p.write(handshake(fmt.Sprintf("/%d", id), lines...))
	p.wantStatus(101)
	var writing sync.Mutex
	say := func(b []byte) error {
		writing.Lock()
		defer writing.Unlock()
		return p.try(b)
	}
	ownEnd := rng.IntN(4) // 0: reset, 1: half close, else a close frame
	end := time.Now().Add(time.Duration(1000+rng.IntN(2500)) * time.Millisecond)
	heard := make(chan error, 1)
	slow := rng.IntN(5) == 0
	go func() { heard <- r.hearAll(p, say, slow) }()
	var over error
	ended := false
	for n := 0; time.Now().Before(end) && !ended; n++ {
		if say(pieces(p, rng, fmt.Sprintf("%d %s", n, padding(rng, id)))) != nil {
			break
		}
		select {
		case over = <-heard:
			ended = true
		case <-time.After(time.Duration(rng.IntN(20)) * time.Millisecond):
		}
	}
	if ended {
		return over
	}
	switch ownEnd {
	case 0:
		p.reset()
		<-heard
		return nil
	case 1:
		_ = p.conn.CloseWrite()
	default:
		_ = say(p.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
	}
	if err := <-heard; err != io.EOF { // TCP's end is one answer to ours, behind close-timeout
		return err
	}
	return nil
}

// hearAll judges what the client gets up to its end.
func (r *roamer) hearAll(p *peer, say func([]byte) error, slow bool) error {
	from, told, next, noticed := 0, uint64(0), uint64(0), false
	for {
		text, code, err := hear(p, say)
		var broken *net.OpError
		switch {
		case code != 0:
			_ = say(p.encode(ws.NewCloseFrame(ws.NewCloseFrameBody(max(code, 1000), ""))))
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &broken) && !broken.Timeout():
			return nil // cut inside a frame, or by our own reset
		case err != nil:
			return err
		case text == roamNote:
			noticed = true
			continue
		}
		var kind, pad string
		var of int
		var n uint64
		_, _ = fmt.Sscan(text, &kind, &of, &n, &pad)
		if strings.Trim(pad, string(rune('à'+of%20))) != "" || kind != "told" && kind != "echo" {
			return fmt.Errorf("a message of two: %.200q", text)
		}
		if of != from {
			if err := r.passes(from, of, told, noticed); err != nil {
				return err
			}
		}
		switch {
		case kind == "told":
			if of != from {
				told = 0
			}
			if n != told {
				return fmt.Errorf("host %d's message %d came as %d", of, told, n)
			}
			told++
		case n < next || n > next && (of == from || r.orderlyFrom(from, of)) && !noticed:
			return fmt.Errorf("message %d came back as %d, from host %d, before of %d, noticed %t", next, n, of, from, noticed)
		default:
			next = n + 1
			noticed = false
		}
		from = of
		if slow {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// passes judges the step from one host to another.
func (r *roamer) passes(from, to int, told uint64, noticed bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch h := r.hosts[from]; {
	case to < from || !noticed:
		return fmt.Errorf("host %d speaks behind host %d, noticed %t", to, from, noticed)
	case h.orderly && told != h.told:
		return fmt.Errorf("host %d said %d messages, and ended in order; %d came", from, h.told, told)
	}
	return nil
}
