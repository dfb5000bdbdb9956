package gateway

import "weir/gateway/session"

// HeardFrom counts the clients that have sent something, and have no WebSocket yet.
func HeardFrom(g *Gateway) (n int) {
	for _, sh := range g.shards {
		_ = sh.Loop.Do(func() {
			for _, s := range sh.Sessions {
				if s.Phase > session.Silent && s.Phase < session.Talking {
					n++
				}
			}
		})
	}
	return n
}

// BallastSize is the part of the heap that nobody uses.
const BallastSize = session.BallastSize
