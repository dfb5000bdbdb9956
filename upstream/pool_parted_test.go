package upstream

import (
	"testing"

	"golang.org/x/net/http2"
)

// TestPartedLast: where our close frame is the second one, END_STREAM goes with it, and nothing more.
func TestPartedLast(t *testing.T) {
	r, _, p, cs, ids := pair(t, 2, nil)
	r.do(func() { cs[0].stream.Write([]byte("bye")); cs[0].stream.Parted(true) })
	if got := p.received(ids[0], 3); string(got) != "bye" {
		t.Errorf("the backend received %q", got)
	}
	find(p, func(f *http2.DataFrame) bool { return f.StreamID == ids[0] && f.StreamEnded() })
	r.do(cs[0].close)
	r.kept(t, 1)
	echoes(t, p, cs[1], ids[1])
	p.ok(p.WriteData(ids[0], true, []byte("late")))
	r.await("the place to be free", func() bool { return r.pool().conns[0].kept == 0 && r.pool().conns[0].streams.Len() == 1 })
	r.do(cs[1].close)
	p.nextReset(ids[1], http2.ErrCodeCancel) // and no frame of the other one
}

// TestPartedFirst: behind the endpoint's close frame, the second one, nothing is said at all. The place of a stream that the
// endpoint holds open counts as taken until it ends it.
func TestPartedFirst(t *testing.T) {
	for name, end := range map[string]func(p *peer, id uint32){
		"END_STREAM": func(p *peer, id uint32) { p.ok(p.WriteData(id, true, nil)); p.nextReset(id, http2.ErrCodeNo) },
		"trailers":   func(p *peer, id uint32) { p.headers(id, true, "x", "y"); p.nextReset(id, http2.ErrCodeNo) },
		"RST_STREAM": func(p *peer, id uint32) { p.ok(p.WriteRSTStream(id, http2.ErrCodeCancel)) },
	} {
		t.Run(name, func(t *testing.T) {
			r, _, p, cs, ids := pair(t, 2, func(d *Dialer) { d.Pool.MaxStreams = 8 })
			for range 2 {
				p.ok(p.WriteData(ids[0], false, make([]byte, 16<<10)))
			}
			cs[0].read(32 << 10)
			find(p, func(f *http2.WindowUpdateFrame) bool { return f.StreamID == ids[0] })
			r.do(func() { cs[0].stream.Parted(false) })
			for range 2 { // no credit for these
				p.ok(p.WriteData(ids[0], false, make([]byte, 16<<10)))
			}
			cs[0].read(32 << 10)
			r.do(cs[0].close)
			p.ok(p.WriteData(ids[0], false, []byte("late")))
			r.kept(t, 1)
			for _, e := range r.dialer.Group.Endpoints() {
				if n := e.Active(); n != 1 {
					t.Errorf("a load of %d, want that of the other session", n)
				}
			}
			more := r.ask(6) // 8 places, of which one is lost
			p.serve(6)
			for _, c := range more {
				c.want("answer 101")
			}
			r.do(func() {
				if pc := r.pool().conns[0]; pc.streams.Len() != 8 || r.pool().room() != nil {
					t.Errorf("%d places are taken", pc.streams.Len())
				}
			})
			end(p, ids[0])
			r.await("the place to be free", func() bool { return r.pool().room() != nil })
			echoes(t, p, cs[1], ids[1])
		})
	}
}

// TestPartedRetires a connection that lost a quarter of its places: it takes no more sessions, and ends with its last one.
func TestPartedRetires(t *testing.T) {
	r, b, p, cs, ids := pair(t, 4, nil, setting(http2.SettingMaxConcurrentStreams, 8))
	part := func(c *client) { r.do(func() { c.stream.Parted(false); c.close() }) }
	part(cs[0])
	late := r.ask(1)[0]
	lateID := p.serve(1)[0]
	late.want("answer 101")
	part(cs[1])
	next := r.ask(1)[0]
	q := b.accept()
	id := q.serve(1)[0]
	next.want("answer 101")
	echoes(t, p, cs[2], ids[2])
	echoes(t, p, late, lateID)
	echoes(t, q, next, id)
	part(cs[2])
	r.do(func() { cs[3].close(); late.close() })
	p.goAway(http2.ErrCodeNo)
	echoes(t, q, next, id)
	if st := r.stats(); st.Lost != 0 || st.Connections != 1 {
		t.Errorf("stats %+v", st)
	}
}

// kept awaits that many streams whose sessions are over.
func (r *rig) kept(t *testing.T, n int) {
	t.Helper()
	r.await("a stream to be kept", func() bool { return r.pool().conns[0].kept == n })
	if st := r.stats(); st.Streams != 1 {
		t.Errorf("%d sessions", st.Streams)
	}
}
