package netpoll

import (
	"time"
)

// young are the connections that the loop has opened lately. Having silent peers probed takes four system calls, which a
// connection that ends soon can do without.
type young struct {
	loop  *Loop
	fds   []int32 // a number may have gone over to another connection meanwhile, which then has no mark or is young, too
	timer Timer
}

const youth = time.Second

func (y *young) add(c *Conn) {
	c.set(unprobed)
	y.fds = append(y.fds, c.fd)
	if !y.timer.Set() {
		y.loop.Schedule(&y.timer, youth, y)
	}
}

// OnTimer is called when the first of them is grown up.
func (y *young) OnTimer(*Timer) {
	for _, fd := range y.fds {
		if c := y.loop.conns.Get(uint32(fd)); c != nil && c.has(unprobed) {
			c.clear(unprobed)
			_ = y.loop.opts.Socket.keepAlive(int(fd)) // it works without
		}
	}
	y.fds = y.fds[:0]
}
