package observe

import (
	"crypto/tls"

	"weir/codec/frame"
	"weir/netpoll"
	"weir/upstream"
)

// Counters are kept per loop and summed when read. Reasons come from a fixed set of names, and close codes
// are folded, so the maps are bounded.
type Counters struct {
	Up, Down          frame.Counts
	UpBytes           uint64
	DownBytes         uint64
	Opened            uint64
	Pings, Pongs, Cut uint64
	Dropped           uint64 // messages over a rate
	Shed              uint64 // messages that a client did not take in time
	CutOff            uint64 // messages of clients whose rest was dropped as their backend had ended
	Moves             map[MoveKey]uint64

	InflatedFrom, InflatedTo, DeflatedFrom, DeflatedTo uint64 // bytes, of messages
	Refused                                            map[string]uint64
	Closed                                             map[CloseKey]uint64
	Secured                                            map[tlsKey]uint64
	TLSFailed                                          map[string]uint64
}

func NewCounters() Counters {
	return Counters{Refused: map[string]uint64{}, Closed: map[CloseKey]uint64{}, Secured: map[tlsKey]uint64{}, TLSFailed: map[string]uint64{}, Moves: map[MoveKey]uint64{}}
}

// tlsKey tells TLS handshakes apart.
type tlsKey struct {
	Version uint16
	Resumed bool
}

type CloseKey struct {
	Reason, Code string
}

// MoveKey tells moves of sessions to other backends apart.
type MoveKey struct {
	Reason, Outcome string
}

// Handshook counts a TLS handshake that went well.
func (c *Counters) Handshook(state *tls.ConnectionState) {
	c.Secured[tlsKey{state.Version, state.DidResume}]++
}

// LoopStats is a copy of one loop's counters.
type LoopStats struct {
	Counters
	Loop                      netpoll.Stats
	Pools                     upstream.PoolStats
	Sessions, Talking, Ending int
	Gathered, Waiting, Kept   int
}
