package netpoll

import "testing"

// A goroutine has closed the connection, and its peer takes nothing: then it does not stay for ever, but one that
// goes on reading, slowly, gets all.
func TestGoConnLinger(t *testing.T) {
	for _, tt := range []struct {
		name  string
		takes []int // in each lastFlush
		open  bool
	}{
		{"takes nothing", []int{0}, false},
		{"takes too little", []int{lastPace / 2}, false},
		{"takes some", []int{lastPace, lastPace}, true},
		{"takes some, then nothing", []int{lastPace, lastPace, 0}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := new(kernel)
			l := fakeLoop(t, k)
			g := newGoConn(l, nil)
			g.conn = &g.own
			l.adopt(&g.own, 7, g, 0)
			for range 2 { // the second waits behind the first, which the socket does not take
				if n, err := g.Write(make([]byte, goConnRoom/2)); n != goConnRoom/2 || err != nil {
					t.Fatal(n, err)
				}
				g.tend()
			}
			if g.sending+len(g.out) != goConnRoom || g.writeRoom() != 0 {
				t.Fatalf("%d bytes given to the loop, %d not, room for %d more", g.sending, len(g.out), g.writeRoom())
			}
			_ = g.Close()
			g.tend()
			if !g.linger.Set() {
				t.Fatal("nothing bounds it")
			}
			for _, n := range tt.takes {
				k.writes = []answer{{n, 0}}
				g.own.clear(blocked)
				g.own.flush()
				l.settle(t)
				l.Cancel(&g.linger)
				g.OnTimer(&g.linger)
			}
			if g.own.Open() != tt.open {
				t.Errorf("open: %v", g.own.Open())
			}
			g.own.Close()
			g.cut()
			if l.stats.Buffered != 0 || g.charged != 0 {
				t.Errorf("%d bytes are counted as queued, %d as held", l.stats.Buffered, g.charged)
			}
		})
	}
}

// Beyond the budget of all each may have little; within it a connection does not hang on what others hold.
func TestGoConnBudget(t *testing.T) {
	g := newGoConn(fakeLoop(t, new(kernel)), nil)
	g.conn = &g.own
	for _, tt := range []struct{ others, room int }{{0, goConnRoom}, {goConnsBudget, goConnRoom}, {goConnsBudget + 1, littleRoom}} {
		held := goConnsHeld.Load()
		goConnsHeld.Store(int64(tt.others))
		if room := g.writeRoom(); room != tt.room {
			t.Errorf("room for %d bytes while others hold %d, want %d", room, tt.others, tt.room)
		}
		goConnsHeld.Store(held)
	}
}
