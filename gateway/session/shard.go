package session

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/valyala/bytebufferpool"

	"weir/codec/deflate"
	"weir/codec/http1"
	"weir/codec/json"
	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/gateway/rate"
	"weir/gateway/reasons"
	"weir/netpoll"
	"weir/upstream"
)

// Shard is a loop's part of the gateway: its listeners, its sessions and its counters. All of it is owned by
// the loop.
type Shard struct {
	// Immutable.
	proc    *Process
	Loop    *netpoll.Loop
	sockets *netpoll.Sockets

	// Owned by the loop.
	plan       *plan.Plan // of newcomers
	lanes      map[*plan.Route]*lane
	links      map[*plan.Fleet]*fleetLinks
	unlinking  []*plan.Fleet // whose links lanes have given up; those are to be closed if there are no others
	unprepared []*plan.Route // of the plan: their lanes have not inherited yet
	pools      upstream.PoolStats
	Listeners  []*Listener
	sessions   []*session
	count      observe.Counters
	talking    int // sessions; counted as they come and go, since to look at a million takes a loop too long
	endings    int
	drain      drain
	eviction   eviction
	relocation relocation
	rebalance  rebalance
	kept       int                        // bytes of handshakes of sessions that may be moved
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

func newShard(proc *Process, loop *netpoll.Loop, sockets *netpoll.Sockets) *Shard {
	var seed [32]byte
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], rand.Uint64())
	}
	sh := &Shard{proc: proc, Loop: loop, sockets: sockets, random: rand.NewChaCha8(seed), count: observe.NewCounters(), plan: proc.Plan.Load(),
		lanes: map[*plan.Route]*lane{}, links: map[*plan.Fleet]*fleetLinks{}}
	sh.relocation.shard, sh.rebalance.shard = sh, sh
	_ = loop.Do(func() { sh.skew = rate.Now() - loop.Now() })
	return sh
}

// maskKey is fresh for each frame that the gateway sends as a client (RFC 6455 section 5.3).
func (sh *Shard) maskKey() (key [4]byte) {
	binary.LittleEndian.PutUint32(key[:], uint32(sh.random.Uint64()))
	return key
}

// now is a time that all loops share, for what they share. It is read once a batch.
func (sh *Shard) now() time.Duration { return sh.skew + sh.Loop.Now() }

func (sh *Shard) openedSession(s *session) {
	sh.count.Opened++
	sh.talking++
	sh.proc.Memory.touch(sh.now())
	sh.proc.Metrics.HandshakeTime.Update((sh.Loop.Now() - s.opened).Seconds())
	sample := uint64(sh.plan.Config.AccessLogSample)
	s.marks.set(unlogged, sample > 1 && sh.opened%sample != 0)
	sh.opened++
	sh.rebalance.wake(s)
	if !s.marks.has(unlogged) {
		s.logOpened()
	}
}

func (sh *Shard) closedSession(s *session) {
	sh.talking--
	end := s.ending()
	if end == nil {
		end = &ending{reason: reasons.Drain, midFrame: true} // the loop was stopped under it
	}
	code := observe.CodeLabel(end.code)
	if end.midFrame {
		code = observe.CodeCut
	}
	sh.count.Closed[observe.CloseKey{Reason: end.reason, Code: code}]++
	if !s.marks.has(unlogged) {
		s.logClosed(end)
	}
}

func (sh *Shard) refused(s *session, why *http1.Refusal) {
	sh.count.Refused[why.Reason]++
	s.logRefused(why.Status, why.Reason)
}

func (sh *Shard) declined(s *session, status int) {
	sh.count.Refused[reasons.Declined]++
	s.logRefused(status, reasons.Declined)
}

// snapshot copies the counters, for a reader on another goroutine.
func (sh *Shard) snapshot() observe.LoopStats {
	st := observe.LoopStats{Counters: sh.count, Loop: sh.Loop.Stats(), Sessions: len(sh.sessions), Talking: sh.talking, Ending: sh.endings, Gathered: sh.gathered, Waiting: sh.waiting, Kept: sh.kept}
	st.Pools = sh.pools.Clone()
	st.Refused, st.Closed = maps.Clone(sh.count.Refused), maps.Clone(sh.count.Closed)
	st.Moves = maps.Clone(sh.count.Moves)
	st.Secured, st.TLSFailed = maps.Clone(sh.count.Secured), maps.Clone(sh.count.TLSFailed)
	return st
}
