package session

import (
	"time"

	"github.com/valyala/bytebufferpool"

	"weir/gateway/auth"
	"weir/gateway/rate"
	"weir/netpoll"
	"weir/upstream"
)

// extra is what a session has besides: while some of it is needed, or once its end has begun.
type extra struct {
	who      *auth.Identity // nil: nobody is told apart
	expires  time.Time      // of the credential, by the wall clock; zero: never
	user     rate.Key
	pace     netpoll.Timer              // until the client may be read again
	held     bool                       // it runs
	until    time.Duration              // loop time at which it is due
	rest     *bytebufferpool.ByteBuffer // what was read and may not pass yet; nil: nothing
	gathered *[2]gathering              // up and down; nil: there never was any
	charged  int                        // of what waits for both sides, to gather-memory
	served   *upstream.Endpoint         // who did, once the stream is gone
	pingAt   moment                     // as the session's, of the backend
	slow     *slow                      // nil: the client is not
	again    *again                     // nil: it cannot be moved to another backend
	move     *move                      // nil: it is not being moved
	ended    bool                       // the client sends no more behind rest
	ends     bool                       // end counts
	end      ending
}

func (s *session) extraOf() *extra {
	if s.extra == nil {
		s.extra = new(extra)
	}
	return s.extra
}
