package gateway

import "weir/gateway/session"

// BallastSize is the part of the heap that nobody uses.
const BallastSize = session.BallastSize

// HeardFrom counts the clients that have sent something, and have no WebSocket yet.
func HeardFrom(g *Gateway) (n int) {
	for _, s := range g.shards.Census() {
		if s.Heard && !s.Open {
			n++
		}
	}
	return n
}

// SessionsWithMore counts the sessions that have what only some have, or for a time only.
func SessionsWithMore(g *Gateway) (n int) {
	for _, s := range g.shards.Census() {
		if s.Extra {
			n++
		}
	}
	return n
}
