package session

import (
	"bytes"
	"net/netip"

	"weir/codec/http1"
	"weir/upstream"
)

// again is a client's handshake, kept so that the session can be opened at another backend. Only sessions of routes with
// on-backend-loss: reopen have one.
type again struct {
	key         uint64
	text        []byte // target, host, key, then names and values of fields, a NUL behind each
	protocol    string // the subprotocol that was agreed on
	source      netip.AddrPort
	destination netip.AddrPort
	moves       int  // so far
	evicted     bool // it has been asked to move since a reload has no place for it
	moved       moment
	streak      int // of losses that followed a move at once
}

// maxAgain bounds what is kept of a handshake. A session whose handshake is larger cannot be moved.
const maxAgain = 8 << 10

// newAgain keeps what r lends; nil if that is too much.
func newAgain(r *upstream.Request) *again {
	size := len(r.Target) + len(r.Host) + len(r.WebSocketKey) + 3
	for _, f := range r.Fields {
		size += len(f.Name) + len(f.Value) + 2
	}
	if size > maxAgain {
		return nil
	}
	k := &again{key: r.Key, text: make([]byte, 0, size), source: r.Source, destination: r.Destination}
	k.add(r.Target)
	k.add(r.Host)
	k.add(r.WebSocketKey)
	for _, f := range r.Fields {
		k.add(f.Name)
		k.add(f.Value)
	}
	return k
}

func (k *again) add(b []byte) { k.text = append(append(k.text, b...), 0) }

// request is the handshake once more. It is a view of k.
func (k *again) request(fields []http1.Field) upstream.Request {
	rest := k.text
	next := func() []byte {
		b, after, _ := bytes.Cut(rest, []byte{0})
		rest = after
		return b
	}
	r := upstream.Request{Key: k.key, Target: next(), Host: next(), WebSocketKey: next(), Source: k.source, Destination: k.destination}
	for len(rest) > 0 {
		fields = append(fields, http1.Field{Name: next(), Value: next()})
	}
	r.Fields = fields
	return r
}

// keepHandshake has a session that may be moved keep its handshake.
func (s *session) keepHandshake(r *upstream.Request) {
	if !s.lane.route.Reopens || r.Protocol != "" {
		return
	}
	if k := newAgain(r); k != nil {
		s.extraOf().again = k
		s.lane.shard.kept += len(k.text)
	}
}

// dropKept forgets the handshake of a session that is over, or cannot be moved after all.
func (s *session) dropKept() {
	if s.extra != nil && s.extra.again != nil {
		s.lane.shard.kept -= len(s.extra.again.text)
		s.extra.again = nil
	}
}

// agreed notes what the first backend agreed to, as each further one has to.
func (s *session) agreed(a *http1.Response) {
	if s.extra == nil || s.extra.again == nil {
		return
	}
	if s.marks.has(extended) || s.marks.has(opaque) || a.Status != 101 {
		s.dropKept()
		return
	}
	s.extra.again.protocol = string(subprotocol(a))
}

func subprotocol(a *http1.Response) []byte {
	for _, f := range a.Fields {
		if http1.Same(f.Name, protocolField) {
			return f.Value
		}
	}
	return nil
}
