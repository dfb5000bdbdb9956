package netpoll

import "time"

// busySample is how many turns stand for one whose length is measured: a second look at the clock costs
// more than it tells if every turn has one.
const busySample = 64

// Stats are a loop's counters since its start. They belong to the loop: read them there, with Loop.Do.
type Stats struct {
	Events       uint64 // readiness events handled
	Writes       uint64 // system calls that sent
	Opened       uint64 // sockets registered, both ways
	Closed       uint64
	Accepted     uint64
	AcceptPauses uint64        // times that accepting stopped for lack of descriptors or memory
	Buffered     int           // bytes queued for sockets that do not take them
	Busy         time.Duration // estimate of the time spent handling events
}

// Stats is a copy of the loop's counters.
func (l *Loop) Stats() Stats {
	l.owner.Check()
	return l.stats
}
