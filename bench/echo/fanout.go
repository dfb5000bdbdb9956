//go:build linux

package echo

import (
	"weir/bench/wire"
	"weir/codec/h2"
)

// FanoutPath is where a message is not echoed, but sent to all other clients there.
const FanoutPath = "/fanout"

// maxMessage is the longest message that is passed on, in bytes.
const maxMessage = 1 << 20

// hall is where the members of the fan-out are. Owned by the loop.
type hall struct {
	audience map[*socket]listener
	news     []news // said by the connection that is read now
}

// listener is a connection with members on it.
type listener interface {
	// hear sends a frame to every member but the one it came from.
	hear(frame []byte, from *member)
}

// member is one client of the fan-out. Owned by the loop.
type member struct {
	hall   *hall
	opcode byte
	said   []byte // a message until it is whole
}

type news struct {
	from  *member
	frame []byte
}

// join makes a client of that socket a member.
func (h *hall) join(s *socket, l listener) *member {
	if h.audience == nil {
		h.audience = map[*socket]listener{}
	}
	h.audience[s] = l
	return &member{hall: h}
}

// say takes a piece of a message; false means that the message is too long.
func (m *member) say(p *wire.Piece) bool {
	if len(m.said)+len(p.Data) > maxMessage {
		return false
	}
	if p.First && p.Opcode != wire.Continuation {
		m.opcode = p.Opcode
	}
	wire.Mask(p.Data, p.Mask, p.Offset)
	m.said = append(m.said, p.Data...)
	if p.Last && p.Fin {
		frame := wire.AppendHeader(nil, wire.Header{Fin: true, Opcode: m.opcode, Length: int64(len(m.said))})
		m.hall.news = append(m.hall.news, news{m, append(frame, m.said...)})
		m.said = m.said[:0]
	}
	return true
}

// publish sends what was said, once the connection it was said on has its own answers.
func (h *hall) publish() {
	for _, n := range h.news {
		for _, l := range h.audience {
			l.hear(n.frame, n.from)
		}
	}
	clear(h.news)
	h.news = h.news[:0]
}

func (u *upgrade) hear(frame []byte, from *member) {
	if u.member != from && !u.talk.ended {
		u.send(frame)
	}
}

func (m *mux) hear(frame []byte, from *member) {
	m.out = m.out[:0]
	for _, st := range m.streams {
		if st.member == nil || st.member == from || st.over || st.talk.ended {
			continue
		}
		b := frame
		if len(st.held) == 0 {
			b = m.frame(st, b)
		}
		if st.held = append(st.held, b...); len(st.held) > maxHeld {
			m.reset(st.id, h2.EnhanceYourCalm)
			continue
		}
		m.settle(st)
	}
	m.send(m.out)
}
