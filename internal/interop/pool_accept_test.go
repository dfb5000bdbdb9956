package interop

import (
	"net"
	"net/http"
	"sync"

	"weir/upstream/accept"
)

// acceptor is coder's server behind the accept package: the handler is the same, and so are all other commands.
type acceptor struct {
	*coder

	mu        sync.Mutex
	listeners map[int]*accept.Listener
}

func startAcceptor() *Peer {
	a := &acceptor{coder: &coder{peer: newPeer("accept"), conns: map[int]*coderConn{}}, listeners: map[int]*accept.Listener{}}
	commands := map[string]func(command) event{"listen": a.listen, "send": a.send, "ping": a.ping, "close": a.close, "stop": a.stop}
	a.peer.send = func(cmd command) error {
		go func() {
			ev := commands[cmd.Do](cmd)
			ev.ID = cmd.ID
			a.peer.receive(ev)
		}()
		return nil
	}
	return a.peer
}

func (a *acceptor) listen(cmd command) event {
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failed(err)
	}
	number := a.number()
	a.mu.Lock()
	a.listeners[number] = l
	a.mu.Unlock()
	go func() {
		_ = accept.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(number, cmd, w, r) }))
	}()
	return event{Server: number, Port: l.Addr().(*net.TCPAddr).Port}
}

func (a *acceptor) stop(cmd command) event {
	a.mu.Lock()
	l := a.listeners[cmd.Server]
	delete(a.listeners, cmd.Server)
	a.mu.Unlock()
	_ = l.Close()
	return event{}
}
