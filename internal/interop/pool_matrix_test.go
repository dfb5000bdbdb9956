package interop

import "testing"

// poolable are the backends that take all commands over pooled connections.
var poolable = []implementation{
	{"accept", once(func() (*Peer, func(), error) { return startAcceptor(), func() {}, nil })},
	{"node:http2", once(func() (*Peer, func(), error) {
		return startScript("npm's ws on node:http2", "node", "node/h2.mjs", "--version")
	})},
}

// TestPools plays the tunnels' table over pooled connections.
func TestPools(t *testing.T) {
	for _, client := range implementations {
		for _, backend := range poolable {
			t.Run(client.name+" to "+backend.name, func(t *testing.T) {
				t.Parallel()
				playPair(t, client, backend, pools)
			})
		}
	}
}

func playPair(t *testing.T, client, backend implementation, start startFront) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			p := &pair{client: client.peer(t), backend: backend.peer(t)}
			url, server := p.backend.Listen(t, s.backend)
			p.server, p.front = server, start(t, url)
			s.play(t, p)
		})
	}
}
