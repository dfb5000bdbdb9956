package interop

import (
	"sync"
	"testing"
)

// implementation is a peer that is started when the first test asks for it.
type implementation struct {
	name string
	get  func() (*Peer, error)
}

// implementations take part in the matrix, each as client and as backend.
var implementations = []implementation{
	{"coder", once(func() (*Peer, func(), error) { return startCoder(), func() {}, nil })},
	{"ws", once(func() (*Peer, func(), error) {
		return startScript("npm's ws", "node", "node/peer.mjs", "--input-type=module", "--eval", "await import('./node/node_modules/ws/wrapper.mjs')")
	})},
	{"websockets", once(func() (*Peer, func(), error) {
		return startScript("Python's websockets", "/usr/bin/python3", "python/peer.py", "-c", "import websockets.legacy.client")
	})},
}

var stopPeers struct {
	sync.Mutex
	all []func()
}

func once(start func() (*Peer, func(), error)) func() (*Peer, error) {
	return sync.OnceValues(func() (*Peer, error) {
		p, stop, err := start()
		if err == nil {
			stopPeers.Lock()
			stopPeers.all = append(stopPeers.all, stop)
			stopPeers.Unlock()
		}
		return p, err
	})
}

func (i implementation) peer(t testing.TB) *Peer {
	t.Helper()
	p, err := i.get()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
