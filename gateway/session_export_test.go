package gateway

// SessionsWithMore counts the sessions that have what only some have, or for a time only.
func SessionsWithMore(g *Gateway) (n int) {
	for _, sh := range g.shards {
		_ = sh.Loop.Do(func() {
			for _, s := range sh.Sessions {
				if s.Extra != nil {
					n++
				}
			}
		})
	}
	return n
}
