package upstream

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2"
)

// With its window at zero a stream holds what it is given and says that it is full, until the window opens.
func TestStreamWindowAtZero(t *testing.T) {
	r, _, p, cs, ids := pair(t, 2, nil, setting(http2.SettingInitialWindowSize, 0))
	c := cs[0]
	r.do(func() {
		c.stream.Write([]byte("held"))
		if c.stream.Buffered() != 4 || !c.stream.Full(1<<20) {
			t.Errorf("buffered %d, full %v", c.stream.Buffered(), c.stream.Full(1<<20))
		}
		c.stream.CloseWrite()
		if n := len(r.pool().conns[0].blocked); n != 0 {
			t.Errorf("%d streams wait for the connection, which is not what holds them up", n)
		}
	})
	p.ok(p.WriteWindowUpdate(ids[0], 3))
	if got := p.received(ids[0], 3); string(got) != "hel" {
		t.Errorf("received %q", got)
	}
	p.ok(p.WriteWindowUpdate(ids[0], 1))
	if got := p.received(ids[0], 1); string(got) != "d" {
		t.Errorf("received %q", got)
	}
	find(p, func(f *http2.DataFrame) bool { return f.StreamEnded() })
	c.want("drained")
	p.ok(p.WriteSettings(setting(http2.SettingInitialWindowSize, 1000))) // opens what is open already, too
	echoes(t, p, cs[1], ids[1])
}

// INITIAL_WINDOW_SIZE made smaller takes open windows below zero (RFC 9113 section 6.9.2).
func TestInitialWindowShrinksBelowZero(t *testing.T) {
	r, _, p, cs, ids := pair(t, 1, nil, setting(http2.SettingInitialWindowSize, 100))
	c := cs[0]
	r.do(func() { c.stream.Write(bytes.Repeat([]byte("a"), 80)) })
	p.received(ids[0], 80)
	p.ok(p.WriteSettings(setting(http2.SettingInitialWindowSize, 10))) // 20 are left; now 70 are owed
	find(p, func(f *http2.SettingsFrame) bool { return f.IsAck() })    // that of the first came before the request
	r.do(func() {
		c.stream.Write([]byte("bcd"))
		if !c.stream.Full(0) {
			t.Error("not full with a window below zero")
		}
	})
	p.ok(p.WriteWindowUpdate(ids[0], 70)) // to zero
	p.ok(p.WriteWindowUpdate(ids[0], 2))
	if got := p.received(ids[0], 2); string(got) != "bc" {
		t.Errorf("received %q", got)
	}
	p.ok(p.WriteSettings(setting(http2.SettingInitialWindowSize, 11)))
	if got := p.received(ids[0], 1); string(got) != "d" {
		t.Errorf("received %q", got)
	}
	c.want("drained")
}

// With the connection's window at zero the streams wait in turn, and those that leave are forgotten.
func TestConnectionWindowAtZero(t *testing.T) {
	r, _, p, cs, ids := pair(t, 5, nil, setting(http2.SettingInitialWindowSize, 1<<20))
	r.do(func() { cs[0].stream.Write(make([]byte, 70_000)) })
	p.received(ids[0], 65535)
	blocked := func() (n int) {
		r.do(func() { n = len(r.pool().conns[0].blocked) })
		return n
	}
	for _, c := range cs[1:] {
		r.do(func() {
			c.stream.Write([]byte("12"))
			c.stream.Write([]byte("34"))
			c.stream.Full(0)
		})
	}
	if n := blocked(); n != 5 {
		t.Errorf("%d streams wait, want 5", n)
	}
	r.do(cs[2].close)
	if n := blocked(); n != 4 {
		t.Errorf("%d streams wait after one has left, want 4", n)
	}
	r.do(func() { cs[1].hook = func(string) { cs[3].close() } }) // one that leaves while turns are given
	p.ok(p.WriteWindowUpdate(0, 70_000-65535+4))
	p.received(ids[0], 70_000-65535)
	if got := p.received(ids[1], 4); string(got) != "1234" {
		t.Errorf("received %q", got)
	}
	cs[1].want("drained")
	r.do(func() {
		if n := len(r.pool().conns[0].blocked); n != 1 {
			t.Errorf("%d streams wait, want the last one", n)
		}
		cs[0].stream.Write([]byte("behind")) // those who wait go first
	})
	p.ok(p.WriteWindowUpdate(0, 4))
	if got := p.received(ids[4], 4); string(got) != "1234" {
		t.Errorf("received %q", got)
	}
	p.ok(p.WriteWindowUpdate(0, 1000))
	if got := p.received(ids[0], 6); string(got) != "behind" {
		t.Errorf("received %q", got)
	}
}

// The connection's window is credited on receipt, whatever becomes of the bytes: no stream stalls the others.
func TestConnectionWindowIsCredited(t *testing.T) {
	r, _, p, cs, ids := pair(t, 1, func(d *Dialer) { d.Pool.Window = 1 << 30 })
	r.do(cs[0].stream.Pause)
	piece := make([]byte, 16<<10)
	got := make(chan uint32)
	go func() {
		var credit uint32
		for credit < connWindow/2 {
			f, err := p.ReadFrame()
			if err != nil {
				break
			}
			if f, is := f.(*http2.WindowUpdateFrame); is && f.StreamID == 0 {
				credit = f.Increment
			} else if is {
				credit = 1 // of the paused stream: wrong
				break
			}
		}
		got <- credit
	}()
	for range connWindow / 2 / len(piece) {
		p.ok(p.WriteData(ids[0], false, piece))
		cs[0].read(len(piece))
	}
	if n := <-got; n < connWindow/2 {
		t.Errorf("a credit of %d", n)
	}
}

// A client that is behind gets its window and no more, and the others of its connection do not notice.
func TestSlowClientHoldsItsWindowOnly(t *testing.T) {
	r, _, p, cs, ids := pair(t, 3, nil)
	slow := cs[0]
	r.do(slow.stream.Pause)
	piece := make([]byte, 16<<10)
	for range 4 { // all of the window
		p.ok(p.WriteData(ids[0], false, piece))
	}
	slow.read(64 << 10)
	for range 50 {
		for i, c := range cs[1:] {
			p.ok(p.WriteData(ids[i+1], false, piece))
			c.read(len(piece))
			echoes(t, p, c, ids[i+1])
		}
	}
	r.do(slow.stream.Resume)
	f := find(p, func(f *http2.WindowUpdateFrame) bool { return f.StreamID == ids[0] })
	if f.Increment != 64<<10 {
		t.Errorf("credited %d, want all of the window", f.Increment)
	}
}

// Many streams, sizes and pauses by chance: each byte comes back in its place.
func TestRandomEcho(t *testing.T) {
	const streams, total = 24, 160 << 10
	r, _, p, cs, ids := pair(t, streams, func(d *Dialer) { d.Pool.Window = 20_000 }, setting(http2.SettingInitialWindowSize, 30_000))
	index := make(map[uint32]int)
	for i, id := range ids {
		index[id] = i
	}
	echoed := make(chan error, 1)
	go func() { echoed <- p.echo() }()
	random := rand.New(rand.NewPCG(1, 2))
	var sent, back [streams]int
	done := 0
	for done < streams {
		r.do(func() {
			for range 20 {
				i := random.IntN(streams)
				c := cs[i]
				if random.IntN(8) == 0 {
					c.stream.Pause()
				} else {
					c.stream.Resume()
				}
				if n := min(1+random.IntN(40_000), total-sent[i]); n > 0 && !c.stream.Full(0) {
					b := make([]byte, n)
					for j := range b {
						b[j] = at(i, sent[i]+j)
					}
					sent[i] += n
					c.stream.Write(b)
					if sent[i] == total {
						c.stream.CloseWrite()
					}
					if held := c.stream.Buffered(); held > 40_000 {
						t.Errorf("%d bytes are held", held)
					}
				}
			}
		})
		done = 0
		for i, c := range cs {
			for len(c.data) > 0 {
				for _, b := range <-c.data {
					if b != at(i, back[i]) {
						t.Fatalf("stream %d: byte %d is wrong", i, back[i])
					}
					back[i]++
				}
			}
			for len(c.events) > 0 {
				if e := <-c.events; e != "drained" && e != "eof" {
					t.Fatalf("heard %s", e)
				}
			}
			if back[i] == total {
				done++
			}
		}
	}
	r.do(func() {
		for _, c := range cs {
			c.close()
		}
		r.links.Close()
	})
	if err := <-echoed; err != nil {
		t.Error(err)
	}
}

func at(stream, i int) byte { return byte(stream*31 + i*7 + i>>8) }

// echo sends DATA back, minding the windows, up to GOAWAY.
func (p *peer) echo() error {
	type half struct {
		window int
		held   []byte
		end    bool
	}
	streams := map[uint32]*half{}
	for {
		f, err := p.ReadFrame()
		if err != nil {
			return err
		}
		id := f.Header().StreamID
		st := streams[id]
		if st == nil {
			st = &half{window: 20_000}
			streams[id] = st
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			return nil
		case *http2.DataFrame:
			st.held = append(st.held, f.Data()...)
			st.end = f.StreamEnded()
			if n := uint32(len(f.Data())); n > 0 {
				_ = p.WriteWindowUpdate(0, n)
				if !st.end {
					_ = p.WriteWindowUpdate(id, n)
				}
			}
		case *http2.WindowUpdateFrame:
			st.window += int(f.Increment)
		}
		for id != 0 && st.window > 0 && len(st.held) > 0 {
			n := min(st.window, len(st.held), 5_000)
			if err := p.WriteData(id, st.end && n == len(st.held), st.held[:n]); err != nil {
				return err
			}
			st.held = st.held[n:]
			st.window -= n
		}
	}
}
