package gateway

// SessionsWithMore counts the sessions that have what only some have, or for a time only.
func SessionsWithMore(g *Gateway) (n int) {
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() {
			for _, s := range sh.sessions {
				if s.extra != nil {
					n++
				}
			}
		})
	}
	return n
}
