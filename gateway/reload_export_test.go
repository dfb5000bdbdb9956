package gateway

// HeardFrom counts the clients that have sent something, and have no WebSocket yet.
func HeardFrom(g *Gateway) (n int) {
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() {
			for _, s := range sh.sessions {
				if s.phase > silent && s.phase < talking {
					n++
				}
			}
		})
	}
	return n
}

// BallastSize is the part of the heap that nobody uses.
const BallastSize = ballastSize
