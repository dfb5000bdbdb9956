package netpoll

import (
	"time"

	gnetsocket "github.com/panjf2000/gnet/v2/pkg/socket"
)

// probes has TCP probe peers that were silent for long. It takes four system calls, so only connections that last are
// probed, and not too many of them: the kernel's timers for times like these are seconds coarse, and all probes that are
// due go out in one burst, while the queue of a processor for loopback or a container's network holds 1,000 packets.
// What does not fit is lost, and a connection that loses three probes in a row is cut, however well its peer is. So
// the silence that is waited for differs between connections, too, which may all have come in the same second.
type probes struct {
	loop  *Loop
	young []int32 // descriptors; one may have gone over to another connection, which then has no mark or is young, too
	timer Timer
	count int // connections that are probed
}

const (
	youth       = time.Second
	probesLost  = 3 // in a row
	probesApart = 3 // a third of the silence

	probesAtOnce = 32 // connections whose probes are asked for in one turn, in about half a millisecond
)

func (p *probes) add(c *Conn) {
	if p.loop.opts.Socket.KeepAlive == 0 {
		return
	}
	c.set(young)
	p.young = append(p.young, c.fd)
	if !p.timer.Set() {
		p.loop.Schedule(&p.timer, youth, p)
	}
}

// OnTimer is called when the first of the young has lasted, and again at the next tick if there are too many for one turn.
func (p *probes) OnTimer(*Timer) {
	asked := 0
	for i, fd := range p.young {
		c := p.loop.conns.Get(uint32(fd))
		if c == nil || !c.has(young) {
			continue
		}
		if asked == probesAtOnce {
			p.young = p.young[:copy(p.young, p.young[i:])]
			p.loop.Schedule(&p.timer, tick, p)
			return
		}
		c.clear(young)
		if o := &p.loop.opts.Socket; p.count < o.Probed {
			if asked++; o.probe(fd) == nil { // it works without
				c.set(probed)
				p.count++
			}
		}
	}
	p.young = p.young[:0]
}

// gone is called when a connection is closed.
func (p *probes) gone(c *Conn) {
	if c.has(probed) {
		p.count--
	}
}

// probe asks for it. Descriptors are consecutive, which spreads the times evenly.
func (o SocketOptions) probe(fd int32) error {
	least := max(1, int(o.KeepAlive.Seconds()))
	idle := least + int(fd)%(least/2+1)
	return gnetsocket.SetKeepAlive(int(fd), true, idle, max(1, least/probesApart), probesLost)
}
