package upstream

import "maps"

// PoolStats count what the pools of a loop do.
type PoolStats struct {
	Connections int    // open, ready ones
	Streams     int    // sessions on them
	Buffered    int    // bytes that windows or a full connection hold back
	Opened      uint64 // connections made
	Lost        uint64 // connections that broke
	GoAways     uint64 // connections that endpoints asked to leave
	Faults      map[string]uint64
}

// Clone is a copy.
func (s *PoolStats) Clone() PoolStats {
	st := *s
	st.Faults = maps.Clone(st.Faults)
	return st
}

// Add sums the counters of several loops.
func (s *PoolStats) Add(o PoolStats) {
	s.Connections += o.Connections
	s.Streams += o.Streams
	s.Buffered += o.Buffered
	s.Opened += o.Opened
	s.Lost += o.Lost
	s.GoAways += o.GoAways
	for reason, n := range o.Faults {
		s.fault(reason, n)
	}
}

func (s *PoolStats) fault(reason string, n uint64) {
	if s.Faults == nil {
		s.Faults = make(map[string]uint64)
	}
	s.Faults[reason] += n
}
