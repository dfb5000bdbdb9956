//go:build linux

package bench

import (
	"testing"
	"time"

	"weir/bench/load"
	"weir/bench/proc"
)

// A reading that came late counts for the time it was late by.
func TestMeterOfABusyMachine(t *testing.T) {
	began := time.Now()
	m := meter{at: [2]reading{
		{when: began},
		{when: began.Add(2 * time.Second), measured: proc.CPU{Total: time.Second}, load: proc.CPU{Total: 500 * time.Millisecond}},
	}}
	f := m.figures(load.Result{Ops: 100, Elapsed: time.Second})
	if f.CPUShare != 0.5 || f.CPUMicros != 5000 || f.LoadCPU != 0.25 || f.PerSecond != 100 {
		t.Errorf("%+v; want half a processor, 5000 us for each op, and a quarter for the load", f)
	}
	var never meter
	if f := never.figures(load.Result{Elapsed: time.Second}); f.CPUShare != 0 || f.LoadCPU != 0 {
		t.Errorf("%+v of a window that never began", f)
	}
}
