//go:build linux

package swarm

import (
	"testing"

	"weir/bench/load"
)

// An echo that comes after all is missing, and nothing besides.
func TestLateEcho(t *testing.T) {
	w := &worker{}
	w.reset()
	c := &client{w: w, state: open, sent: 3, got: 1}
	p := &talking{active: []*client{c}}
	if _, done, err := p.collect(w, int64(grace)-1); done || err != nil {
		t.Fatalf("done %t, %v", done, err)
	}
	if _, done, err := p.collect(w, int64(grace)); !done || err != nil {
		t.Fatalf("done %t, %v", done, err)
	}
	for left := uint32(2); left > 0; left-- {
		if c.late != left {
			t.Errorf("%d echoes may yet come, want %d", c.late, left)
		}
		c.echo([]byte("something"))
	}
	if c.late != 0 || c.state != open || len(w.Faults) != 1 || w.Faults[load.FaultLost] != 2 {
		t.Errorf("%d late, state %d, faults %v", c.late, c.state, w.Faults)
	}
}
