package gateway

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/valyala/bytebufferpool"

	"weir/codec/deflate"
	"weir/codec/http1"
	"weir/codec/json"
	"weir/gateway/rate"
	"weir/netpoll"
	"weir/upstream"
)

// shard is a loop's part of the gateway: its listeners, its sessions and its counters. All of it is owned by
// the loop.
type shard struct {
	// Immutable.
	proc    *process
	loop    *netpoll.Loop
	sockets *netpoll.Sockets

	// Owned by the loop.
	plan       *plan // of newcomers
	lanes      map[*route]*lane
	links      map[*fleet]*fleetLinks
	unlinking  []*fleet // whose links lanes have given up; those are to be closed if there are no others
	unprepared []*route // of the plan: their lanes have not inherited yet
	pools      upstream.PoolStats
	doors      []*door
	sessions   []*session
	count      counters
	talking    int // sessions; counted as they come and go, since to look at a million takes a loop too long
	ending     int
	drain      drain
	eviction   eviction
	scratch    []byte                     // for heads and control frames; used within one call
	framed     []byte                     // for messages that were looked at as a whole, likewise
	plain      []byte                     // for what was inflated or deflated, likewise
	large      *bytebufferpool.ByteBuffer // for the next long one; nil: nothing yet
	gathered   int                        // bytes of such messages that have not ended
	waiting    int                        // bytes of messages for clients that are too slow
	inflater   *deflate.Inflater          // nil until needed, as its like
	deflaters  [deflate.MaxLevel + 1]*deflate.Deflater
	checker    json.Checker
	fields     []http1.Field
	random     *rand.ChaCha8
	skew       time.Duration // between the loop's time and that of all
	opened     uint64        // sessions, for sampling
}

func newShard(proc *process, loop *netpoll.Loop, sockets *netpoll.Sockets) *shard {
	var seed [32]byte
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], rand.Uint64())
	}
	sh := &shard{proc: proc, loop: loop, sockets: sockets, random: rand.NewChaCha8(seed), count: newCounters(), plan: proc.plan.Load(),
		lanes: map[*route]*lane{}, links: map[*fleet]*fleetLinks{}}
	_ = loop.Do(func() { sh.skew = rate.Now() - loop.Now() })
	return sh
}

// maskKey is fresh for each frame that the gateway sends as a client (RFC 6455 section 5.3).
func (sh *shard) maskKey() (key [4]byte) {
	binary.LittleEndian.PutUint32(key[:], uint32(sh.random.Uint64()))
	return key
}

// now is a time that all loops share, for what they share. It is read once a batch.
func (sh *shard) now() time.Duration { return sh.skew + sh.loop.Now() }

func (sh *shard) openedSession(s *session) {
	sh.count.opened++
	sh.talking++
	sh.proc.memory.touch(sh.now())
	sh.proc.metrics.handshakeTime.Update((sh.loop.Now() - s.opened).Seconds())
	sample := uint64(sh.plan.cfg.AccessLogSample)
	s.marks.set(unlogged, sample > 1 && sh.opened%sample != 0)
	sh.opened++
	if !s.marks.has(unlogged) {
		s.logOpened()
	}
}

func (sh *shard) closedSession(s *session) {
	sh.talking--
	end := s.ending()
	if end == nil {
		end = &ending{reason: reasonDrain, midFrame: true} // the loop was stopped under it
	}
	code := codeLabel(end.code)
	if end.midFrame {
		code = codeCut
	}
	sh.count.closed[closeKey{end.reason, code}]++
	if !s.marks.has(unlogged) {
		s.logClosed(end)
	}
}

func (sh *shard) refused(s *session, why *http1.Refusal) {
	sh.count.refused[why.Reason]++
	s.logRefused(why.Status, why.Reason)
}

func (sh *shard) declined(s *session, status int) {
	sh.count.refused[reasonDeclined]++
	s.logRefused(status, reasonDeclined)
}

// snapshot copies the counters, for a reader on another goroutine.
func (sh *shard) snapshot() loopStats {
	st := loopStats{counters: sh.count, loop: sh.loop.Stats(), sessions: len(sh.sessions), talking: sh.talking, ending: sh.ending, gathered: sh.gathered, waiting: sh.waiting}
	st.pools = sh.pools.Clone()
	st.refused, st.closed = maps.Clone(sh.count.refused), maps.Clone(sh.count.closed)
	st.secured, st.tlsFailed = maps.Clone(sh.count.secured), maps.Clone(sh.count.tlsFailed)
	return st
}
