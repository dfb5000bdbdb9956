package http1_test

import (
	"maps"
	"net/netip"
	"testing"

	"weir/codec/http1"
)

// handshake is the way of one client's handshake through this package, with buffers that a loop would own.
type handshake struct {
	ask          http1.Request
	answer       http1.Response
	rules        http1.Rules
	fields       []http1.Field
	scratch, out []byte
}

func newHandshake(t testing.TB) *handshake {
	return &handshake{
		rules: http1.Rules{
			Forwarded: true,
			Request:   rules(t, "set X-Team: blue", "remove X-Foo"),
			Response:  rules(t, "set Server: weir"),
		},
		fields:  make([]http1.Field, 0, 32),
		scratch: make([]byte, 0, 64),
		out:     make([]byte, 0, 4096),
	}
}

var request, response = []byte(browserRequest), []byte(rfcResponse)

func (h *handshake) parse() bool {
	h.ask.Reset()
	n, refusal := h.ask.Parse(request, limits)
	return n == len(request) && refusal == nil && h.ask.CheckUpgrade() == nil
}

func (h *handshake) forward() {
	fields, host, _ := h.rules.Forward(h.fields[:0], h.scratch[:0], &h.ask, someone)
	h.out = http1.AppendUpgrade(h.out[:0], h.ask.Target, host, h.ask.Key, fields)
}

func (h *handshake) switching() bool {
	h.answer.Reset()
	n, fault := h.answer.Parse(response, limits)
	accept := http1.Accept(h.ask.Key)
	if n == 0 || fault != nil || h.answer.CheckSwitch(accept[:]) != nil {
		return false
	}
	fields := h.rules.Answer(h.fields[:0], h.answer.Fields, 101)
	h.out = http1.AppendSwitching(h.out[:0], accept[:], fields)
	deflate, _ := h.answer.Extensions()
	return !deflate
}

func TestHandshakeAllocatesNothing(t *testing.T) {
	h := newHandshake(t)
	if n := testing.AllocsPerRun(100, func() {
		if !h.parse() {
			t.Fatal("refused")
		}
		h.forward()
		if !h.switching() {
			t.Fatal("no switch")
		}
		_ = h.ask.Get("origin")
		_ = h.ask.Cookie("sid")
		_ = h.ask.QueryParam("v")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRefusingAllocatesNothing(t *testing.T) {
	h := newHandshake(t)
	head := []byte(with("Transfer-Encoding: gzip"))
	if n := testing.AllocsPerRun(100, func() {
		h.ask.Reset()
		_, refusal := h.ask.Parse(head, limits)
		h.out = refusal.Append(h.out[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBodyAllocatesNothing(t *testing.T) {
	h := newHandshake(t)
	head, chunks := []byte(answer("Transfer-Encoding: chunked")), []byte("5\r\nhello\r\n0\r\n\r\n")
	if n := testing.AllocsPerRun(100, func() {
		h.answer.Reset()
		h.answer.Parse(head, limits)
		body, _ := h.answer.Body()
		if n, done, _ := body.Scan(chunks); n != len(chunks) || !done {
			t.Fatal(n, done)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	h := newHandshake(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		h.ask.Reset()
		if n, _ := h.ask.Parse(request, limits); n == 0 {
			b.Fatal("refused")
		}
	}
}

func BenchmarkCheckUpgrade(b *testing.B) {
	h := newHandshake(b)
	h.parse()
	b.ReportAllocs()
	for b.Loop() {
		if h.ask.CheckUpgrade() != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkOrigin(b *testing.B) {
	r, _ := upgrade(with("X-Forwarded-For: 192.0.2.1, 10.0.0.7, 10.0.0.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example:80"))
	room := make([]netip.Addr, 0, 8)
	peer := netip.MustParseAddr("10.0.0.9")
	believe := func(a netip.Addr) bool { return a.Is4() && a.As4()[0] == 10 }
	b.ReportAllocs()
	for b.Loop() {
		if from := r.Origin(peer, false, believe, room); len(from.Hops) != 3 {
			b.Fatal(from)
		}
	}
}

func BenchmarkForwardHeader(b *testing.B) {
	h := newHandshake(b)
	h.parse()
	came := headerOf(h.ask.Fields)
	b.ReportAllocs()
	for b.Loop() {
		h.rules.ForwardHeader(maps.Clone(came), "a", someone, new(http1.Spelling))
	}
}

func BenchmarkForward(b *testing.B) {
	h := newHandshake(b)
	h.parse()
	b.ReportAllocs()
	for b.Loop() {
		h.forward()
	}
}

func BenchmarkSwitching(b *testing.B) {
	h := newHandshake(b)
	h.parse()
	b.ReportAllocs()
	for b.Loop() {
		if !h.switching() {
			b.Fatal("no switch")
		}
	}
}
