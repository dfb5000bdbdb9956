package upstream

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/codec/http1"
)

// Requests that are asked and given up leave nothing behind but what is queued of them: that is bounded while the endpoint
// does not read, no connection is added for more of it, and those who wait are served once it reads on.
func TestRequestsToAnEndpointThatDoesNotRead(t *testing.T) {
	r, _, p, _, _ := pair(t, 1, nil)
	noise := make([]byte, 4000)
	queued := 0
	for round := 0; round < 200 || queued < connQueue && round < 2000; round++ { // the kernel takes some MiB, now or when it gets to it
		r.do(func() {
			for range 20 {
				_, _ = rand.Read(noise)
				q, c := request(), r.newClient()
				q.Fields = append(q.Fields, http1.Field{Name: []byte("X-Noise"), Value: []byte(hex.EncodeToString(noise))})
				r.open(c, q)
				c.close()
			}
			queued = r.pool().conns[0].conn.Buffered()
		})
	}
	if queued < connQueue || queued > connQueue+64<<10 {
		t.Errorf("%d bytes are queued", queued)
	}
	r.do(func() {
		pool := r.pool()
		if len(pool.conns) != 1 || len(pool.waiting) != 0 {
			t.Errorf("%d connections, %d waiting", len(pool.conns), len(pool.waiting))
		}
	})
	late := r.ask(1)[0]
	id := find(p, func(f *http2.MetaHeadersFrame) bool {
		return !slices.ContainsFunc(f.RegularFields(), func(h hpack.HeaderField) bool { return h.Name == "x-noise" })
	}).StreamID
	p.headers(id, false, ":status", "200")
	late.want("answer 101")
	echoes(t, p, late, id)
}

// GOAWAY on a connection that takes no streams brings those who wait for it to the next one at once.
func TestGoAwayOfThoseWhoWait(t *testing.T) {
	r, b, p, cs, ids := pair(t, 1, nil)
	p.ok(p.WriteSettings(setting(http2.SettingMaxConcurrentStreams, 0)))
	find(p, func(f *http2.SettingsFrame) bool { return f.IsAck() })
	r.do(cs[0].close)
	p.reset(ids[0], http2.ErrCodeCancel)
	waiting := r.ask(1)[0]
	r.do(func() {
		if n := len(r.pool().waiting); n != 1 {
			t.Errorf("%d wait", n)
		}
	})
	p.ok(p.WriteGoAway(ids[0], http2.ErrCodeNo, nil))
	b.accept().serve(1)
	waiting.want("answer 101")
}
