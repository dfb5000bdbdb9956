package upstream

import (
	"testing"

	"golang.org/x/net/http2"
)

func TestPoolCarriesASession(t *testing.T) {
	b := listen(t)
	r := newRig(t, nil, b.url("h2c"))
	c := r.ask(1)[0]
	p := b.accept()
	f := find(p, func(*http2.MetaHeadersFrame) bool { return true })
	for name, want := range map[string]string{
		":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": "/chat?x=1", ":authority": "example.org",
		"sec-websocket-version": "13", "origin": "http://example.org",
	} {
		var got string
		for _, h := range f.Fields {
			if h.Name == name {
				got = h.Value
			}
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if f.StreamEnded() {
		t.Error("the request ends its stream")
	}
	p.headers(f.StreamID, false, ":status", "103", "link", "</x>")
	p.headers(f.StreamID, false, ":status", "200", "sec-websocket-protocol", "chat")
	c.want("answer 101")
	if n := len(c.answer.Fields); n != 1 || string(c.answer.Fields[0].Value) != "chat" {
		t.Errorf("the answer's fields are %q", c.answer.Fields)
	}
	echoes(t, p, c, f.StreamID)
	if st := r.stats(); st.Streams != 1 || st.Connections != 1 || st.Opened != 1 {
		t.Errorf("stats %+v", st)
	}
}

// TestPoolEndsInOrder: END_STREAM from either side. Behind that of the endpoint nothing is said any more, but that the stream
// is over: some servers end the whole connection over DATA for a stream that they have forgotten.
func TestPoolEndsInOrder(t *testing.T) {
	for name, clientFirst := range map[string]bool{"client first": true, "backend first": false} {
		t.Run(name, func(t *testing.T) {
			r, _, p, cs, ids := pair(t, 2, nil)
			c, id := cs[0], ids[0]
			if clientFirst {
				r.do(func() { c.stream.Write([]byte("bye")); c.stream.CloseWrite(); c.stream.Write([]byte("too late")) })
				if got := p.received(id, 3); string(got) != "bye" {
					t.Errorf("the backend received %q", got)
				}
				find(p, func(f *http2.DataFrame) bool { return f.StreamID == id && f.StreamEnded() && len(f.Data()) == 0 })
			}
			p.ok(p.WriteData(id, true, []byte("ciao")))
			if got := c.read(4); string(got) != "ciao" {
				t.Errorf("the client received %q", got)
			}
			c.want("eof")
			if !clientFirst {
				r.do(func() { c.stream.Write([]byte("too late")); c.stream.CloseWrite() })
			}
			r.do(c.close)
			if !clientFirst {
				p.nextReset(id, http2.ErrCodeNo)
			}
			r.do(cs[1].close) // vanishes
			p.nextReset(ids[1], http2.ErrCodeCancel)
		})
	}
}

// nextReset reads a RST_STREAM, before which no frame of that stream may come.
func (p *peer) nextReset(id uint32, code http2.ErrCode) {
	p.t.Helper()
	f := find(p, func(f http2.Frame) bool { return f.Header().StreamID != 0 })
	if reset, ok := f.(*http2.RSTStreamFrame); !ok || f.Header().StreamID != id || reset.ErrCode != code {
		p.t.Errorf("%v, want stream %d to be reset with %v", f, id, code)
	}
}

// A client that has ended its direction still gets all that the backend has to say, though it is more than a window.
func TestHalfClosedStreamIsStillCredited(t *testing.T) {
	r, _, p, cs, ids := pair(t, 1, nil)
	r.do(cs[0].stream.CloseWrite)
	find(p, func(f *http2.DataFrame) bool { return f.StreamEnded() })
	half := make([]byte, 8<<10)
	for range 2 {
		for range 4 {
			p.ok(p.WriteData(ids[0], false, half))
		}
		cs[0].read(32 << 10)
		find(p, func(f *http2.WindowUpdateFrame) bool { return f.StreamID == ids[0] && f.Increment >= 32<<10 })
	}
	p.headers(ids[0], true, "trailer", "1") // trailers end a stream as well
	cs[0].want("eof")
}

func TestPoolPassesOtherStatusesOn(t *testing.T) {
	b := listen(t)
	r := newRig(t, nil, b.url("h2c"))
	cs := r.ask(2)
	p := b.accept()
	one, two := p.request(), p.request()
	p.headers(one, false, ":status", "403", "x-why", "no")
	p.ok(p.WriteData(one, true, []byte("go away")))
	p.headers(two, true, ":status", "404")
	cs[0].want("answer 403")
	if got := cs[0].read(7); string(got) != "go away" {
		t.Errorf("the body is %q", got)
	}
	cs[0].want("eof")
	cs[1].want("answer 404")
	cs[1].want("eof")
	r.do(cs[0].close)
	p.reset(one, http2.ErrCodeNo) // our side never ended it, and its own has ended
	if f := r.dialer.Group.Endpoints()[0].Stats().ConnectFailures; f != 0 {
		t.Errorf("an answer counts as %d failures", f)
	}
}

// Requests that a pooled connection refuses one by one, without harm to the others on it.
func TestPoolRefusals(t *testing.T) {
	bomb := []string{":status", "200"}
	for range 70 {
		bomb = append(bomb, "x", "y")
	}
	large := []string{":status", "200", "y", string(filled(15 << 10)), "z", string(filled(2 << 10))}
	for name, c := range map[string]struct {
		script func(p *peer, id uint32)
		reason string
		code   http2.ErrCode // of our RST_STREAM
		fault  string
	}{
		"reset":               {func(p *peer, id uint32) { p.ok(p.WriteRSTStream(id, http2.ErrCodeInternal)) }, "backend_closed_early", noReset, ""},
		"refused":             {func(p *peer, id uint32) { p.ok(p.WriteRSTStream(id, http2.ErrCodeRefusedStream)) }, "backend_connect_failed", noReset, ""},
		"data first":          {func(p *peer, id uint32) { p.ok(p.WriteData(id, false, []byte("x"))) }, "backend_bad_answer", http2.ErrCodeProtocol, "h2_data_before_headers"},
		"trailers first":      {func(p *peer, id uint32) { p.headers(id, true, "x", "y") }, "backend_bad_answer", http2.ErrCodeProtocol, "h2_trailers_first"},
		"no status":           {func(p *peer, id uint32) { p.headers(id, false, "x", "y") }, "backend_bad_answer", http2.ErrCodeProtocol, "h2_missing_pseudo_field"},
		"101":                 {func(p *peer, id uint32) { p.headers(id, false, ":status", "101") }, "backend_bad_answer", http2.ErrCodeProtocol, "h2_bad_status"},
		"connection field":    {func(p *peer, id uint32) { p.headers(id, false, ":status", "200", "upgrade", "websocket") }, "backend_bad_answer", http2.ErrCodeProtocol, "h2_connection_field"},
		"200 and over":        {func(p *peer, id uint32) { p.headers(id, true, ":status", "200") }, "backend_bad_answer", http2.ErrCodeCancel, ""},
		"too many fields":     {func(p *peer, id uint32) { p.headers(id, false, bomb...) }, "backend_bad_answer", http2.ErrCodeEnhanceYourCalm, "h2_too_many_fields"},
		"too large a list":    {func(p *peer, id uint32) { p.split(id, p.header(large...)) }, "backend_bad_answer", http2.ErrCodeEnhanceYourCalm, "h2_header_list_too_large"},
		"window of zero":      {func(p *peer, id uint32) { p.ok(p.WriteWindowUpdate(id, 0)) }, "backend_bad_answer", http2.ErrCodeProtocol, "h2_zero_increment"},
		"window beyond bound": {func(p *peer, id uint32) { p.ok(p.WriteWindowUpdate(id, 1<<31-1)) }, "backend_bad_answer", http2.ErrCodeFlowControl, "h2_window_overflow"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, p, others, ids := pair(t, 1, nil)
			asks := r.ask(1)[0]
			id := p.request()
			c.script(p, id)
			asks.want("refused " + c.reason)
			if c.code != noReset {
				p.reset(id, c.code)
			}
			if c.fault != "" && r.stats().Faults[c.fault] != 1 {
				t.Errorf("faults %v, want one %s", r.stats().Faults, c.fault)
			}
			echoes(t, p, others[0], ids[0])
		})
	}
}

const noReset = http2.ErrCode(1 << 31)

func filled(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	return b
}

// split writes a header block in two frames.
func (p *peer) split(id uint32, block []byte) {
	half := len(block) / 2
	p.ok(p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:half]}))
	p.ok(p.WriteContinuation(id, true, block[half:]))
}
