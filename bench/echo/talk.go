//go:build linux

package echo

import "weir/bench/wire"

// talk is one WebSocket, however its bytes are carried.
type talk struct {
	scan   wire.Scanner
	ended  bool    // a close frame was answered: nothing more is listened to
	member *member // of the fan-out; nil: what comes is echoed
}

// answer appends to dst what the frames in b, unmasked where they lie, are answered with. False
// means that b is not what a client may send.
func (t *talk) answer(dst, b []byte) ([]byte, bool) {
	for len(b) > 0 && !t.ended {
		p, n, ok, err := t.scan.Next(b)
		if err != nil || ok && !p.Masked {
			return dst, false
		}
		b = b[n:]
		switch {
		case !ok:
		case t.member != nil && !p.Control():
			if !t.member.say(&p) {
				return dst, false
			}
		default:
			dst = t.echo(dst, &p)
		}
	}
	return dst, true
}

func (t *talk) echo(dst []byte, p *wire.Piece) []byte {
	switch p.Opcode {
	case wire.Pong:
		return dst
	case wire.Ping:
		p.Opcode = wire.Pong
	case wire.Close:
		t.ended = p.Last
	}
	if p.First {
		dst = wire.AppendHeader(dst, wire.Header{Fin: p.Fin, Opcode: p.Opcode, Length: p.Length})
	}
	wire.Mask(p.Data, p.Mask, p.Offset)
	return append(dst, p.Data...)
}
