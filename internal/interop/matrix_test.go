package interop

import "testing"

// pair is a client and a backend with a front between them.
type pair struct {
	client, backend *Peer
	front           *Front
	server          int
}

// open connects the client through the front and returns both ends.
func (p *pair) open(t testing.TB, dial command) (client, backend *Conn, answer, opened event) {
	t.Helper()
	if dial.URL == "" {
		dial.URL = p.front.url("/")
	}
	client, answer = p.client.Dial(t, dial)
	if client == nil {
		t.Fatalf("refused with status %d", answer.Status)
	}
	backend, opened = p.backend.Accept(t, p.server)
	return client, backend, answer, opened
}

// TestTunnels plays all scenarios with every implementation as client and as backend.
func TestTunnels(t *testing.T) { playMatrix(t, tunnels) }

func playMatrix(t *testing.T, start startFront) {
	for _, client := range implementations {
		for _, backend := range implementations {
			t.Run(client.name+" to "+backend.name, func(t *testing.T) {
				t.Parallel()
				for _, s := range scenarios {
					t.Run(s.name, func(t *testing.T) {
						p := &pair{client: client.peer(t), backend: backend.peer(t)}
						url, server := p.backend.Listen(t, s.backend)
						p.server, p.front = server, start(t, url)
						s.play(t, p)
					})
				}
			})
		}
	}
}
