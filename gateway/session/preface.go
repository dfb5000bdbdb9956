package session

import (
	"bytes"
	"errors"

	"github.com/valyala/bytebufferpool"

	"weir/codec/proxyproto"
	"weir/gateway/certs"
	"weir/gateway/reasons"
	"weir/netpoll"
)

// What a client goes through before its request is read: a PROXY header where a trusted proxy stands in front, then
// TLS where the listener asks for it.

// isSilent tells whether a client has still sent nothing of its own.
func (s *session) isSilent() bool { return s.phase == silent || s.phase == announced }

// firstHeard takes a client's first bytes.
func (s *session) firstHeard(b []byte) {
	s.appear()
	switch s.phase {
	case announcing:
		s.announce(b)
	case securing:
		s.client.StartTLS(s.lane.plan.TLS, s.from().Addr(), b)
	default:
		s.greet(b)
	}
}

// announce reads the PROXY header that a trusted proxy begins with.
func (s *session) announce(b []byte) {
	h, b := s.collect(b)
	header, n, err := proxyproto.Parse(b)
	switch {
	case err != nil:
		s.turnAway(err.Reason)
		return
	case n == 0:
		h.keep(b)
		return
	case header.Local:
		s.marks.set(nameless, true)
	default:
		s.setFrom(header.Source)
		h.local = header.Destination
	}
	rest := bytes.Clone(b[n:])
	if h.head != nil {
		bytebufferpool.Put(h.head)
		h.head = nil
	}
	s.phase = announced
	if len(rest) > 0 {
		s.firstHeard(rest)
	}
}

// OnConnect says that TLS stands.
func (c *clientSide) OnConnect(*netpoll.Conn) {
	s := (*session)(c)
	if s.phase != securing {
		return
	}
	state := s.client.TLSState()
	s.lane.shard.count.Handshook(state)
	s.phase = greeting
	switch state.NegotiatedProtocol {
	case "h2":
		s.handOver(nil, s.from().Addr())
	case certs.ACMEProtocol: // the certificate was all that the directory wanted to see (RFC 8737 section 3)
		s.finish()
	}
}

// notSecured answers a client that speaks in clear where TLS is spoken.
func (s *session) notSecured() {
	s.phase = greeting
	s.refuse(reasons.RefusedClear)
}

// tlsFailed notes why a client could not be secured.
func (s *session) tlsFailed(err error) {
	var failed *netpoll.HandshakeError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	reason := certs.Reason(err)
	s.lane.shard.count.TLSFailed[reason]++
	if reason == certs.ClientGone { // a check of some balancer's, mostly; not worth a line
		s.gone(reasons.ClientGone)
		return
	}
	s.turnAway(reasons.TLSFailed)
}

// turnAway ends a session that cannot be answered, or is not worth it.
func (s *session) turnAway(reason string) {
	sh := s.lane.shard
	sh.count.Refused[reason]++
	s.logRefused(0, reason)
	s.finish()
}
