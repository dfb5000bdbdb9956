package session

import (
	"slices"

	"github.com/gobwas/ws"

	"weir/codec/deflate"
	"weir/codec/frame"
	"weir/codec/http1"
	"weir/gateway/plan"
	"weir/gateway/reasons"
)

// compresses begins to, as the client was told in fields.
func (s *session) compresses(params deflate.Params, fields []http1.Field) []http1.Field {
	if s.window = params.ServerWindowBits; s.window == 0 {
		s.window = deflate.MaxWindowBits
	}
	return append(fields, http1.Field{Name: []byte(plan.ExtensionsField), Value: deflate.AppendResponse(nil, params)})
}

// worth tells whether a message to the client is to be compressed: if it is long enough, and comes in one frame.
// Fragments pass as they come.
func (s *session) worth(head frame.Head) bool {
	r := s.lane.route
	return s.window > 0 && head.Last && head.Length >= r.Compression.Threshold && head.Length <= uint64(r.GatherLimit)
}

// inflate gives a message as it was before it was compressed, until the next call, or ends the session.
func (s *session) inflate(h *half, payload []byte) (plain []byte, on bool) {
	sh, limit := s.lane.shard, s.lane.route.GatherLimit
	if sh.inflater == nil {
		sh.inflater = deflate.NewInflater()
	}
	room := min(limit, max(uncounted, sh.plan.GatherMax-sh.gathered))
	plain, err := sh.inflater.Append(sh.plain[:0], payload, room)
	sh.plain = plain
	sh.count.InflatedFrom += uint64(len(payload))
	sh.count.InflatedTo += uint64(len(plain))
	switch {
	case err == nil:
		return plain, true
	case err == deflate.ErrTooLarge && room < limit:
		s.hangUp(reasons.GatherMemory, ws.StatusCode(s.cfg().GatherMemoryCode))
	default:
		s.violated(h, fault(err))
	}
	return nil, false
}

// compress appends a message's frame to dst, compressed if that makes it shorter.
func (sh *Shard) compress(dst []byte, op ws.OpCode, payload []byte, level int, window uint8) []byte {
	if sh.deflaters[level] == nil {
		sh.deflaters[level], _ = deflate.NewDeflater(level) // config knows its range
	}
	sh.plain = sh.deflaters[level].Append(slices.Grow(sh.plain[:0], len(payload)), payload, window, false)
	sh.count.DeflatedFrom += uint64(len(payload))
	if len(sh.plain) >= len(payload) {
		sh.count.DeflatedTo += uint64(len(payload))
		return frame.AppendFrame(dst, op, payload, nil)
	}
	sh.count.DeflatedTo += uint64(len(sh.plain))
	return frame.AppendCompressed(dst, op, sh.plain, nil)
}
