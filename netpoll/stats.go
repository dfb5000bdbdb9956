package netpoll

import "time"

// Stats are a loop's counters since its start. They belong to the loop: read them there, with Loop.Do.
type Stats struct {
	Events       uint64 // readiness events handled
	Writes       uint64 // system calls that sent
	Opened       uint64 // sockets registered, both ways
	Closed       uint64
	Accepted     uint64
	AcceptPauses uint64        // times that accepting stopped for lack of descriptors or memory
	Buffered     int           // bytes queued for sockets that do not take them
	Busy         time.Duration // spent handling events, not waiting for them
}

// Stats is a copy of the loop's counters.
func (l *Loop) Stats() Stats {
	l.owner.Check()
	return l.stats
}
