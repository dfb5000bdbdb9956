package session

import (
	"time"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/upstream"
)

// OnAnswer brings the backend's answer and the stream to it: a 101 is rebuilt for the client's own key, any other answer passed on.
func (s *session) OnAnswer(stream upstream.Stream, a *http1.Response) {
	h, sh := s.hs, s.lane.shard
	h.attempt, s.stream = nil, stream
	to := s.lane.route
	sh.fields = to.Headers.Answer(sh.fields[:0], a.Fields, a.Status)
	sh.fields = to.NameEndpoint(sh.fields, s.stream.Endpoint())
	if id := s.stream.Endpoint().ID(); to.Sticky != nil && id != h.sticky {
		sh.fields = append(sh.fields, http1.Field{Name: []byte("Set-Cookie"), Value: []byte(to.Sticky.SetCookie(id, time.Now(), h.secure))})
	}
	switch {
	case a.Status == 101 && h.other != "":
		s.marks.set(opaque, true)
		sh.scratch = http1.AppendOtherSwitching(sh.scratch[:0], h.other, sh.fields)
	case a.Status == 101:
		sh.fields = to.Filter(s.selectProtocol(sh.fields))
		if h.deflates {
			sh.fields = s.compresses(h.deflate, sh.fields)
		}
		sh.scratch = http1.AppendSwitching(sh.scratch[:0], h.accept[:], sh.fields)
	default:
		sh.scratch = http1.AppendAnswer(sh.scratch[:0], a.Status, a.Reason, sh.fields)
	}
	clear(sh.fields)
	s.client.Write(sh.scratch)
	if a.Status != 101 {
		s.phase = declining
		sh.declined(s, a.Status)
		s.dropHandshake()
		s.loop().Schedule(&s.timer, to.Config.BackendTimeout, s) // bounds a body that trickles
		s.client.Resume()
		return
	}
	s.phase = talking
	deflates, others := a.Extensions()
	passed := !to.PlainBackend && deflates
	s.marks.set(extended, to.Extensions && others)
	s.up.scan.AllowRSV1(passed || h.deflates)
	s.down.scan.AllowRSV1(passed)
	s.agreed(a)
	s.up.heard, s.down.heard = s.now(), s.now()
	sh.openedSession(s)
	if to.Config.SlowReader != config.SlowWait && sh.proc.Start.TCPNotSent == 0 {
		s.client.LimitNotSent(slowNotSent)
	}
	s.beat()
	s.client.Resume()
	if h.early != nil {
		s.forwardUp(h.early.B)
	}
	s.dropHandshake()
	if sh.drain.active {
		s.drain()
	} else {
		sh.evictLate(s)
	}
}

// OnRefused says that there is no backend's answer.
func (s *session) OnRefused(why *http1.Refusal) {
	s.hs.attempt = nil
	s.refuse(why)
}

// refuse answers the request ourselves. The client's end is waited for, reading what it still sends, since to
// close a socket with bytes unread would reset it and take the answer along.
func (s *session) refuse(why *http1.Refusal) {
	sh := s.lane.shard
	s.phase = refusing
	why = s.dressed(why)
	sh.refused(s, why)
	s.dropHandshake()
	sh.scratch = why.Append(sh.scratch[:0])
	s.client.Write(sh.scratch)
	s.lastWords()
}

// lastWords ends the direction to a client that has its answer, and gives it until the close timeout to go.
func (s *session) lastWords() {
	s.client.CloseWrite()
	s.awaitEnd()
}

// awaitEnd reads on until the client ends TCP, or the close timeout has gone.
func (s *session) awaitEnd() {
	s.client.Resume()
	s.loop().Schedule(&s.timer, s.cfg().CloseTimeout, s)
}

// passBody passes on the body of an answer that is no upgrade.
func (s *session) passBody(b []byte) {
	s.client.Write(b)
	if s.client.Full(s.lane.route.PauseAt) && s.stream != nil {
		s.stream.Pause()
	}
}

// finishBody ends an answer that is no upgrade. One that broke off is cut, so that the client can tell.
func (s *session) finishBody(whole bool) {
	s.dropStream()
	if !whole {
		s.finish()
		return
	}
	s.phase = refusing
	s.lastWords()
}

// gone finishes a session whose client left before it had a WebSocket.
func (s *session) gone(reason string) {
	if s.phase <= asking {
		s.lane.shard.count.Refused[reason]++
	}
	s.finish()
}

// dressed is a refusal with what the route adds to the answers of plain requests.
func (s *session) dressed(why *http1.Refusal) *http1.Refusal {
	if h := s.hs; h != nil && h.plain {
		return h.to.Headers.Refuse(why, h.page)
	}
	return why
}
