package netpoll

import "testing"

// Connections that came together are asked to be probed in several turns, and none is left out.
func TestProbesTakeTurns(t *testing.T) {
	const all = 5*probesAtOnce + 1
	l := fakeLoop(t, &kernel{})
	l.probes.loop = l
	l.opts.Socket = SocketOptions{KeepAlive: 60e9, Probed: all}
	var conns [all]Conn
	for i := range conns {
		l.adopt(&conns[i], 1<<20+i, &journal{}, 0) // no descriptors, so that nothing is probed in truth
		l.probes.add(&conns[i])
	}
	left := func() (n int) {
		for i := range conns {
			if conns[i].has(young) {
				n++
			}
		}
		return n
	}
	now := l.now
	for turn, want := range []int{all, all - probesAtOnce, all - 2*probesAtOnce, all - 3*probesAtOnce, all - 4*probesAtOnce, 1, 0, 0} {
		if n := left(); n != want {
			t.Fatalf("%d connections are left after %d turns, want %d", n, turn, want)
		}
		if now += tick; turn == 0 {
			now += youth
		}
		l.to(now)
	}
}
