package gateway

import (
	"crypto/tls"

	"weir/codec/frame"
	"weir/netpoll"
	"weir/upstream"
)

// counters are kept per loop and summed when read. Reasons come from a fixed set of names, and close codes
// are folded, so the maps are bounded.
type counters struct {
	up, down          frame.Counts
	upBytes           uint64
	downBytes         uint64
	opened            uint64
	pings, pongs, cut uint64
	dropped           uint64 // messages over a rate
	shed              uint64 // messages that a client did not take in time

	inflatedFrom, inflatedTo, deflatedFrom, deflatedTo uint64 // bytes, of messages
	refused                                            map[string]uint64
	closed                                             map[closeKey]uint64
	secured                                            map[tlsKey]uint64
	tlsFailed                                          map[string]uint64
}

func newCounters() counters {
	return counters{refused: map[string]uint64{}, closed: map[closeKey]uint64{}, secured: map[tlsKey]uint64{}, tlsFailed: map[string]uint64{}}
}

// tlsKey tells TLS handshakes apart.
type tlsKey struct {
	version uint16
	resumed bool
}

type closeKey struct {
	reason, code string
}

// handshook counts a TLS handshake that went well.
func (c *counters) handshook(state *tls.ConnectionState) {
	c.secured[tlsKey{state.Version, state.DidResume}]++
}

// loopStats is a copy of one loop's counters.
type loopStats struct {
	counters
	loop                      netpoll.Stats
	pools                     upstream.PoolStats
	sessions, talking, ending int
	gathered, waiting         int
}
