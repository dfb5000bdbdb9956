//go:build linux

package echo

import "weir/bench/wire"

// upgrade is a connection that becomes a WebSocket by an HTTP/1.1 upgrade. Before that it may have plain requests.
type upgrade struct {
	*socket
	talk
	open bool   // upgraded
	head []byte // of the request, until it is whole
}

func (u *upgrade) take(b []byte) bool {
	if u.open {
		return u.frames(b)
	}
	u.head = append(u.head, b...)
	n, err := wire.CutHead(u.head)
	for n > 0 && string(wire.Path(u.head[:n])) == RequestPath {
		u.out = append(u.out, requestAnswer...)
		u.head = u.head[n:]
		n, err = wire.CutHead(u.head)
	}
	if n == 0 {
		return err == nil
	}
	if u.out, err = wire.AppendAnswer(u.out, u.head[:n]); err != nil {
		u.out = append(u.out, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"...)
		return false
	}
	if string(wire.Path(u.head[:n])) == FanoutPath {
		u.member = u.join(u.socket, u)
	}
	rest := u.head[n:]
	u.head, u.open = nil, true
	return u.frames(rest)
}

func (u *upgrade) frames(b []byte) (ok bool) {
	u.out, ok = u.answer(u.out, b)
	return ok && !u.talk.ended
}
