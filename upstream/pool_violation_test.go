package upstream

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"

	"golang.org/x/net/http2"
)

// shared is two sessions on one connection and one on another, to the same endpoint.
func shared(t *testing.T) (r *rig, p *peer, cs []*client, ids []uint32, untouched func()) {
	t.Helper()
	r, b, p, cs, ids := pair(t, 2, func(d *Dialer) { d.Pool.MaxStreams = 2 })
	apart := r.ask(1)[0]
	q := b.accept()
	id := q.serve(1)[0]
	apart.want("answer 101")
	r.do(func() {
		for _, pc := range r.pool().conns {
			pc.refilled = 1 << 62 // a slow machine does not turn a flood into none
		}
	})
	return r, p, cs, ids, func() {
		t.Helper()
		echoes(t, q, apart, id)
	}
}

func setting(id http2.SettingID, v uint32) http2.Setting { return http2.Setting{ID: id, Val: v} }

// What ends a whole connection, with which code and under which name.
func TestPoolConnectionFaults(t *testing.T) {
	for name, c := range map[string]struct {
		script func(p *peer, id uint32)
		code   http2.ErrCode
		fault  string
	}{
		"DATA on an idle stream":          {func(p *peer, id uint32) { p.ok(p.WriteData(id+100, false, []byte("x"))) }, http2.ErrCodeProtocol, "h2_idle_stream"},
		"HEADERS on an idle stream":       {func(p *peer, id uint32) { p.headers(id+100, false, ":status", "200") }, http2.ErrCodeProtocol, "h2_idle_stream"},
		"RST_STREAM on an idle stream":    {func(p *peer, id uint32) { p.ok(p.WriteRSTStream(id+100, 0)) }, http2.ErrCodeProtocol, "h2_idle_stream"},
		"WINDOW_UPDATE on an idle stream": {func(p *peer, id uint32) { p.ok(p.WriteWindowUpdate(id+100, 1)) }, http2.ErrCodeProtocol, "h2_idle_stream"},
		"even stream":                     {func(p *peer, id uint32) { p.ok(p.WriteData(2, false, []byte("x"))) }, http2.ErrCodeProtocol, "h2_even_stream"},
		"stream 0":                        {func(p *peer, id uint32) { p.ok(p.WriteData(0, false, []byte("x"))) }, http2.ErrCodeProtocol, "h2_stream_zero"},
		"push": {func(p *peer, id uint32) {
			p.ok(p.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, BlockFragment: p.header(":path", "/"), EndHeaders: true}))
		}, http2.ErrCodeProtocol, "h2_push_promise"},
		"oversized frame":                   {func(p *peer, id uint32) { p.ok(p.WriteData(id, false, make([]byte, 16<<10+1))) }, http2.ErrCodeFrameSize, "h2_frame_too_large"},
		"connection window beyond bound":    {func(p *peer, id uint32) { p.ok(p.WriteWindowUpdate(0, 1<<31-1)) }, http2.ErrCodeFlowControl, "h2_window_overflow"},
		"connection window of zero":         {func(p *peer, id uint32) { p.ok(p.WriteWindowUpdate(0, 0)) }, http2.ErrCodeProtocol, "h2_zero_increment"},
		"initial window beyond bound":       {func(p *peer, id uint32) { p.ok(p.WriteSettings(setting(http2.SettingInitialWindowSize, 1<<31))) }, http2.ErrCodeFlowControl, "h2_bad_initial_window_size"},
		"initial window lifts a stream's":   {lifts, http2.ErrCodeFlowControl, "h2_window_overflow"},
		"extended CONNECT taken back":       {func(p *peer, id uint32) { p.ok(p.WriteSettings(setting(http2.SettingEnableConnectProtocol, 0))) }, http2.ErrCodeProtocol, "h2_bad_enable_connect_protocol"},
		"CONTINUATION of nothing":           {func(p *peer, id uint32) { p.ok(p.WriteContinuation(id, true, nil)) }, http2.ErrCodeProtocol, "h2_unexpected_continuation"},
		"another frame in a block's middle": {interrupts, http2.ErrCodeProtocol, "h2_interrupted_headers"},
		"CONTINUATION flood":                {continues, http2.ErrCodeEnhanceYourCalm, "h2_continuation_flood"},
		"not HPACK":                         {func(p *peer, id uint32) { p.block.Reset(); p.block.WriteString("\xff\xff\xff"); p.raw(id) }, http2.ErrCodeCompression, "h2_compression"},
		"empty DATA flood":                  {floods(http2.FrameData, 1, 0), http2.ErrCodeEnhanceYourCalm, "h2_empty_data_flood"},
		"RST_STREAM flood":                  {floods(http2.FrameRSTStream, 1, 4), http2.ErrCodeEnhanceYourCalm, "h2_reset_flood"},
		"flood of an unknown type":          {floods(0xee, 1, 1), http2.ErrCodeEnhanceYourCalm, "h2_unknown_frame_flood"},
	} {
		t.Run(name, func(t *testing.T) {
			r, p, cs, ids, untouched := shared(t)
			if name == "RST_STREAM flood" { // the others on it are heard of by the first of many resets
				p.ok(p.WriteRSTStream(ids[0], http2.ErrCodeCancel))
				cs[0].want("lost")
			}
			c.script(p, ids[0])
			p.goAway(c.code)
			if name != "RST_STREAM flood" {
				cs[0].want("lost")
			}
			cs[1].want("lost")
			if st := r.stats(); st.Faults[c.fault] != 1 || len(st.Faults) != 1 || st.Lost != 1 || st.Connections != 1 {
				t.Errorf("stats %+v, want the one fault %s", st, c.fault)
			}
			if n := r.dialer.Group.Endpoints()[0].Stats().ConnectFailures; n != 1 {
				t.Errorf("counts as %d failures of the endpoint, want 1", n)
			}
			untouched()
		})
	}
}

func lifts(p *peer, id uint32) {
	p.ok(p.WriteWindowUpdate(id, 1<<30))
	p.ok(p.WriteSettings(setting(http2.SettingInitialWindowSize, 1<<31-1)))
}

func interrupts(p *peer, id uint32) {
	p.ok(p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.header("x", "y")}))
	p.ok(p.WritePing(false, [8]byte{}))
}

func continues(p *peer, id uint32) {
	p.ok(p.WriteHeaders(http2.HeadersFrameParam{StreamID: id}))
	for range 17 {
		p.ok(p.WriteContinuation(id, false, nil))
	}
}

// raw writes what p.block holds as a header block.
func (p *peer) raw(id uint32) {
	p.ok(p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.block.Bytes(), EndHeaders: true}))
}

// floods writes more of one frame than any second may bring, while answers are read.
func floods(kind http2.FrameType, stream uint32, size int) func(*peer, uint32) {
	frame := append([]byte{0, 0, byte(size), byte(kind), 0}, binary.BigEndian.AppendUint32(nil, stream)...)
	frame = append(frame, make([]byte, size)...)
	return func(p *peer, _ uint32) {
		many := slices.Repeat(frame, 1<<12)
		over := make(chan struct{})
		p.t.Cleanup(func() { <-over })
		go func() {
			defer close(over)
			for range 1 << 8 {
				if _, err := p.conn.Write(many); err != nil {
					return
				}
			}
		}()
	}
}

// Floods that are answered may fill the socket, so that GOAWAY does not get through.
func TestAnsweredFloods(t *testing.T) {
	for kind, size := range map[http2.FrameType]int{http2.FramePing: 8, http2.FrameSettings: 0} {
		t.Run(kind.String(), func(t *testing.T) {
			r, p, cs, ids, untouched := shared(t)
			floods(kind, 0, size)(p, ids[0])
			_, _ = io.Copy(io.Discard, p.conn)
			cs[0].want("lost")
			cs[1].want("lost")
			if st := r.stats(); len(st.Faults) != 1 || st.Lost != 1 {
				t.Errorf("stats %+v", st)
			}
			untouched()
		})
	}
}

// An endpoint that asks for answers and does not read them cannot make the gateway keep them.
func TestUnreadAnswersAreBounded(t *testing.T) {
	for kind, size := range map[http2.FrameType]int{http2.FramePing: 8, http2.FrameSettings: 0} {
		t.Run(kind.String(), func(t *testing.T) {
			r, p, cs, _, untouched := shared(t)
			frames := append([]byte{0, 0, byte(size), byte(kind), 0, 0, 0, 0, 0}, make([]byte, size)...)
			frames = slices.Repeat(frames, 1<<12)
			p.ok(socket(p.conn).SetReadBuffer(4 << 10))
			most, over := 0, false
			var turn func()
			turn = func() { // each turn of the loop refills the flood limit, which is not what this is about
				most = max(most, r.loop.Stats().Buffered)
				for _, pc := range r.pool().conns {
					pc.reader.Refill()
				}
				if !over {
					_ = r.loop.Post(turn)
				}
			}
			r.do(turn)
			for range 1 << 12 { // far more than all socket buffers hold
				if _, err := p.conn.Write(frames); err != nil {
					break
				}
			}
			r.do(func() { over = true })
			cs[0].want("lost")
			cs[1].want("lost")
			if st := r.stats(); st.Faults["h2_answers_unread"] != 1 {
				t.Errorf("faults %v", st.Faults)
			}
			if most > 2*maxAnswers {
				t.Errorf("%d bytes were kept", most)
			}
			untouched()
		})
	}
}

// What ends one stream only.
func TestPoolStreamFaults(t *testing.T) {
	for name, c := range map[string]struct {
		script func(p *peer, id uint32)
		heard  []string
		code   http2.ErrCode
		fault  string
	}{
		"DATA behind END_STREAM": {func(p *peer, id uint32) {
			p.ok(p.WriteData(id, true, nil))
			p.ok(p.WriteData(id, false, []byte("x")))
		}, []string{"eof", "lost"}, http2.ErrCodeStreamClosed, "h2_ended_stream"},
		"HEADERS behind END_STREAM": {func(p *peer, id uint32) {
			p.ok(p.WriteData(id, true, nil))
			p.headers(id, true, "x", "y")
		}, []string{"eof", "lost"}, http2.ErrCodeStreamClosed, "h2_ended_stream"},
		"a second answer":      {func(p *peer, id uint32) { p.headers(id, false, ":status", "200") }, []string{"lost"}, http2.ErrCodeProtocol, "h2_late_headers"},
		"an interim answer":    {func(p *peer, id uint32) { p.headers(id, false, ":status", "103") }, []string{"lost"}, http2.ErrCodeProtocol, "h2_late_headers"},
		"window beyond bound":  {func(p *peer, id uint32) { p.ok(p.WriteWindowUpdate(id, 1<<31-1)) }, []string{"lost"}, http2.ErrCodeFlowControl, "h2_window_overflow"},
		"window of zero":       {func(p *peer, id uint32) { p.ok(p.WriteWindowUpdate(id, 0)) }, []string{"lost"}, http2.ErrCodeProtocol, "h2_zero_increment"},
		"capital field names":  {func(p *peer, id uint32) { p.headers(id, true, "X", "y") }, []string{"lost"}, http2.ErrCodeProtocol, "h2_bad_field_name"},
		"reset by the backend": {func(p *peer, id uint32) { p.ok(p.WriteRSTStream(id, http2.ErrCodeCancel)) }, []string{"lost"}, noReset, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, p, cs, ids, untouched := shared(t)
			c.script(p, ids[0])
			for _, event := range c.heard {
				cs[0].want(event)
			}
			if c.code != noReset {
				p.reset(ids[0], c.code)
			}
			p.ok(p.WriteWindowUpdate(ids[0], 1)) // and what else was under way is passed over
			p.ok(p.WriteData(ids[0], false, []byte("x")))
			p.ok(p.WriteRSTStream(ids[0], 0))
			echoes(t, p, cs[1], ids[1])
			untouched()
			if st := r.stats(); c.fault != "" && st.Faults[c.fault] != 1 || st.Connections != 2 || st.Streams != 2 {
				t.Errorf("stats %+v, want one fault %s", st, c.fault)
			}
		})
	}
}

// A stream may not bring more than its window while its client is behind.
func TestPoolStreamWindowIsEnforced(t *testing.T) {
	_, p, cs, ids, untouched := shared(t)
	cs[0].rig.do(cs[0].stream.Pause)
	piece := make([]byte, 16<<10)
	for range 4 {
		p.ok(p.WriteData(ids[0], false, piece))
	}
	cs[0].read(64 << 10)
	echoes(t, p, cs[1], ids[1])
	p.ok(p.WriteDataPadded(ids[0], false, nil, []byte{})) // one byte, the padding's length
	cs[0].want("lost")
	p.reset(ids[0], http2.ErrCodeFlowControl)
	echoes(t, p, cs[1], ids[1])
	untouched()
}

func TestResetStorm(t *testing.T) {
	const n = 500
	r, _, p, cs, ids := pair(t, n+1, nil)
	for _, id := range ids[1:] {
		p.ok(p.WriteRSTStream(id, http2.ErrCodeInternal))
	}
	for _, c := range cs[1:] {
		c.want("lost")
	}
	echoes(t, p, cs[0], ids[0])
	if st := r.stats(); st.Streams != 1 || st.Connections != 1 {
		t.Errorf("stats %+v", st)
	}
}

// TestFloodsOfWalks: a SETTINGS or GOAWAY frame costs as much as the streams that it makes the gateway look at. With few of
// them a thousand changes a second are no flood, with many a few hundred are.
func TestFloodsOfWalks(t *testing.T) {
	for name, write := range map[string]func(p *peer, i int) error{
		"SETTINGS": func(p *peer, i int) error {
			return p.WriteSettings(setting(http2.SettingInitialWindowSize, uint32(1000+i%2)))
		},
		"GOAWAY": func(p *peer, i int) error { return p.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil) },
	} {
		for _, c := range []struct {
			streams int
			flood   bool
		}{{2, false}, {2000, true}} {
			t.Run(fmt.Sprint(name, " over ", c.streams), func(t *testing.T) {
				r, _, p, cs, ids := pair(t, c.streams, nil)
				r.do(func() { r.pool().conns[0].refilled = 1 << 62 })
				for i := range 1000 {
					if write(p, i) != nil {
						break // the connection has ended
					}
				}
				if !c.flood {
					echoes(t, p, cs[0], ids[0])
					return
				}
				_, _ = io.Copy(io.Discard, p.conn)
				cs[0].want("lost")
				if st := r.stats(); st.Faults["h2_walk_flood"] != 1 {
					t.Errorf("faults %v", st.Faults)
				}
			})
		}
	}
}
