package upstream

import (
	"testing"

	"golang.org/x/net/http2"
)

// GOAWAY: what was not acted on moves to a new connection, the rest lives on, new streams go elsewhere.
func TestGoAway(t *testing.T) {
	r, b, p, cs, ids := pair(t, 1, nil)
	asked := r.ask(2)
	acted, left := p.request(), p.request()
	p.ok(p.WriteGoAway(acted, http2.ErrCodeNo, nil))
	q := b.accept()
	moved := q.serve(1)[0]
	asked[1].want("answer 101")
	p.headers(acted, false, ":status", "200")
	asked[0].want("answer 101")
	echoes(t, p, cs[0], ids[0])
	echoes(t, p, asked[0], acted)
	echoes(t, q, asked[1], moved)
	p.ok(p.WriteWindowUpdate(left, 1)) // of a stream that left: passed over

	c := r.ask(1)[0]
	q.serve(1)
	c.want("answer 101")
	if st := r.stats(); st.GoAways != 1 || st.Connections != 1 || st.Streams != 4 || st.Lost != 0 {
		t.Errorf("stats %+v", st)
	}
	r.do(func() { cs[0].close(); asked[0].close() })
	p.goAway(http2.ErrCodeNo) // the last one has ended
}

// A GOAWAY that names fewer streams than were answered ends those.
func TestGoAwayOverAnsweredStreams(t *testing.T) {
	_, _, p, cs, ids := pair(t, 2, nil)
	p.ok(p.WriteGoAway(ids[0], http2.ErrCodeInternal, []byte("oops")))
	cs[1].want("lost")
	echoes(t, p, cs[0], ids[0])
}

func TestMaxConcurrentStreams(t *testing.T) {
	r, b, p, cs, ids := pair(t, 2, nil, setting(http2.SettingMaxConcurrentStreams, 2))
	third := r.ask(1)[0]
	q := b.accept(setting(http2.SettingMaxConcurrentStreams, 0)) // does not help, and is not tried again
	find(q, func(f *http2.SettingsFrame) bool { return f.IsAck() })
	r.do(func() {
		if p := r.pool(); len(p.conns) != 2 || len(p.waiting) != 1 {
			t.Errorf("%d connections, %d waiting, want 2 and 1", len(p.conns), len(p.waiting))
		}
	})
	p.ok(p.WriteSettings(setting(http2.SettingMaxConcurrentStreams, 3))) // raised
	p.serve(1)
	third.want("answer 101")

	p.ok(p.WriteSettings(setting(http2.SettingMaxConcurrentStreams, 1))) // lowered: those that are, stay
	r.do(cs[0].close)
	p.reset(ids[0], http2.ErrCodeCancel)
	fourth := r.ask(1)[0]
	r.do(cs[1].close)
	p.reset(ids[1], http2.ErrCodeCancel)
	q.ok(q.WriteSettings(setting(http2.SettingMaxConcurrentStreams, 1)))
	q.serve(1)
	fourth.want("answer 101")
}

// Those who wait for room get it in order when others leave, and one that gives up is forgotten.
func TestWaitingForRoom(t *testing.T) {
	r, b, p, cs, _ := pair(t, 1, func(d *Dialer) { d.Pool.MaxStreams = 1 })
	waiting := r.ask(3)
	r.do(waiting[0].close)
	r.do(cs[0].close)
	p.serve(1)
	waiting[1].want("answer 101")
	q := b.accept()
	q.serve(1)
	waiting[2].want("answer 101")
}

func TestTooManyWait(t *testing.T) {
	b := listen(t)
	r := newRig(t, nil, b.url("h2c"))
	r.do(func() {
		for range maxWaiting {
			r.open(r.newClient(), request())
		}
	})
	r.ask(1)[0].want("refused pool_busy")
	if n := r.dialer.Group.Endpoints()[0].Active(); n != maxWaiting {
		t.Errorf("a load of %d, want %d", n, maxWaiting)
	}
}

func TestStreamNumbersRunOut(t *testing.T) {
	r, b, p, cs, ids := pair(t, 1, nil)
	r.do(func() { r.pool().conns[0].next = lastStream - 2 })
	late := r.ask(3)
	last := p.serve(2)
	if last[0] != lastStream-2 || last[1] != lastStream {
		t.Errorf("the last streams are %d", last)
	}
	q := b.accept()
	first := q.serve(1)
	if first[0] != 1 {
		t.Errorf("a new connection begins with stream %d", first[0])
	}
	for _, c := range late {
		c.want("answer 101")
	}
	echoes(t, p, cs[0], ids[0])
	echoes(t, p, late[1], last[1])
	echoes(t, q, late[2], first[0])
	r.do(func() { cs[0].close(); late[0].close(); late[1].close() })
	p.goAway(http2.ErrCodeNo)
}
