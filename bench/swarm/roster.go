//go:build linux

package swarm

import (
	"crypto/rand"
	"encoding/base64"
	"syscall"

	"weir/bench/epoll"
	"weir/bench/load"
	"weir/bench/wire"
)

// introduce makes the request for the upgrade, which is the same for all clients of a worker.
func (w *worker) introduce(t Target) {
	var b [16]byte
	_, _ = rand.Read(b[:])
	key := base64.StdEncoding.EncodeToString(b[:])
	w.request, w.accept = wire.AppendRequest(nil, t.Host, t.Path, key), wire.Accept([]byte(key))
}

// dial begins the handshake of the k-th client.
func (w *worker) dial(k int) {
	c := &w.clients[k]
	fd, err := epoll.Connect(w.target.Addr, w.from.Of(k, w.target.Addr.Addr()))
	if err == nil {
		epoll.ResetOnClose(fd)
		if err = w.loop.Add(fd, c); err != nil {
			syscall.Close(fd)
		}
	}
	if err != nil {
		c.state = gone
		w.settled++
		w.failed++
		w.fault(load.FaultConnect, err)
		return
	}
	c.w, c.fd, c.state = w, int32(fd), connecting
	w.pending++
}

// welcome counts a client whose handshake has succeeded.
func (w *worker) welcome(c *client) {
	c.state = open
	w.pending--
	w.settled++
	w.failed = 0
	w.live++
}

// refuse ends a handshake that failed.
func (w *worker) refuse(c *client, kind load.Fault, err error) {
	w.pending--
	w.settled++
	w.failed++
	w.fault(kind, err)
	w.discard(c)
}

// lose ends an upgraded client before its time.
func (w *worker) lose(c *client, kind load.Fault, err error) {
	switch c.state {
	case open:
		w.live--
	case leaving:
		w.leaving--
	default:
		w.refuse(c, kind, err)
		return
	}
	w.fault(kind, err)
	w.discard(c)
}

// drop ends a client in good order.
func (w *worker) drop(c *client) {
	switch c.state {
	case open:
		w.live--
	case leaving:
		w.leaving--
	}
	w.discard(c)
}

func (w *worker) discard(c *client) {
	delete(w.unsent, c)
	c.state, c.part = gone, nil
	w.loop.Close(int(c.fd))
}

func (w *worker) fault(kind load.Fault, err error) {
	if w.Faults[kind]++; w.First == "" {
		w.First = string(kind) + ": " + err.Error()
	}
}
