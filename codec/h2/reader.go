package h2

// Side is one of a connection's two ends.
type Side uint8

const (
	Client Side = iota
	Server
)

func (s Side) other() Side { return s ^ 1 }

// Limits bound what is not announced by [Settings]. All have to be set: a zero lets nothing pass.
//
// Flood tells a flood from a peer that is at work, without a clock (RFC 9113 section 10.5). Each of these frames takes
// one of it: PING and SETTINGS, acknowledgements too, RST_STREAM, GOAWAY, PRIORITY, frames of unknown types, DATA
// without payload that does not end its stream, HEADERS of requests and of interim responses, and whatever becomes a
// [StreamFault]. Each 64 bytes of DATA payload give one back and [Reader.Refill] gives back all, never
// beyond Flood. WINDOW_UPDATE is free, since nothing is answered or kept and each window overflows in the end. So are
// final responses, trailers and END_STREAM: of these the caller allows one for each stream. A frame that makes the caller
// look at many streams takes more, by [Reader.ChargeWalk].
type Limits struct {
	Fields        int // fields of one header list, pseudo-header fields among them
	Continuations int // CONTINUATION frames of one header block
	Flood         int // frames without progress; more than streams may be open, as all may be reset at once
}

// DefaultLimits suit a connection with up to some thousand streams, refilled once a second.
func DefaultLimits() Limits { return Limits{Fields: 100, Continuations: 16, Flood: 10_000} }

// Reader walks the bytes that one side of a connection receives. How they were cut into slices changes nothing but
// the pieces that DATA comes in. A frame that is not DATA is kept until it is whole: at most MaxFrameSize and
// HeaderLen bytes. Next to that a Reader holds one header list, its block if that is short, and HPACK's table.
//
// It knows frames and not streams: whether a stream is one that is open is the caller's to tell. All of it is owned
// by the connection's loop.
type Reader struct {
	// Immutable.
	side     Side
	maxFrame uint32

	// The frame under way. left, pad and skip are zero between frames.
	left, pad uint32 // DATA: bytes of payload and of padding still to come
	owed      uint32 // DATA: what the next piece takes of the windows besides its own bytes
	skip      uint32 // bytes of a frame that is ignored
	stream    uint32 // DATA: which stream
	end       bool   // DATA: END_STREAM
	kept      []byte // a head or a whole frame that is not there yet

	// The connection.
	preface int  // bytes of the client's preface still to come
	started bool // SETTINGS came
	peer    Settings
	budget  budget
	block   block
	failed  bool
	err     *Error // of the last fault
}

// NewReader makes the Reader of the side that sends ours as its first SETTINGS: what was announced is what is
// enforced. MaxHeaderListSize is enforced as 1 MiB if it is more than that.
func NewReader(side Side, ours Settings, lim Limits) *Reader {
	r := &Reader{
		side:     side,
		maxFrame: max(ours.MaxFrameSize, minMaxFrame),
		peer:     DefaultSettings(),
		budget:   budget{limit: lim.Flood * frameCost},
	}
	r.block.init(ours, lim)
	if side == Server {
		r.preface = len(Preface)
	}
	return r
}

// Peer gives the peer's settings as they are now.
func (r *Reader) Peer() Settings { return r.peer }

// Head is the header block of the last Headers event, lent until the next call of Next, to be read and not changed: the
// next event may give it again.
func (r *Reader) Head() *Head { return &r.block.head }

// Err is the rule that was broken, at a StreamFault and from a Fault on.
func (r *Reader) Err() *Error { return r.err }

// Refill gives back the whole flood budget. Its owner, who has a clock, calls it at a steady pace, once a second for
// one: else the pings on a connection whose sessions are quiet would be taken for a flood in the end.
func (r *Reader) Refill() { r.budget.spent = 0 }

// Next takes b, the bytes which follow those of the last call (after an event: b[used:] of the same slice), up to the
// next event. No event waits for a call without bytes. Fault is final: it takes all of b, and every later call gives
// it again.
func (r *Reader) Next(b []byte) (ev Event, used int) {
	if h, n := r.wholeData(b); n > 0 {
		r.budget.earn(int(h.Length))
		return Event{Kind: Data, End: h.Flags != 0, Stream: h.Stream, N: h.Length, Payload: b[HeaderLen:n:n]}, n
	}
	return r.next(b)
}

// next is Next for what the fast path leaves.
func (r *Reader) next(b []byte) (ev Event, used int) {
	if r.failed {
		return Event{Kind: Fault}, len(b)
	}
	for used < len(b) && ev.Kind == None {
		switch {
		case r.left|r.pad != 0:
			used += r.data(b[used:], &ev)
		case r.skip != 0:
			n := min(r.skip, uint32(len(b)-used))
			r.skip -= n
			used += int(n)
		case r.preface != 0:
			used += r.readPreface(b[used:], &ev)
		default:
			used += r.frame(b[used:], &ev)
		}
	}
	if ev.Kind == Fault {
		used = len(b)
	}
	return ev, used
}

func (r *Reader) readPreface(b []byte, ev *Event) int {
	want := Preface[len(Preface)-r.preface:]
	n := min(len(want), len(b))
	if string(b[:n]) != want[:n] {
		r.fail(ev, badPreface)
	}
	r.preface -= n
	return n
}

// frame takes what b has of the next frame: the header of DATA and of what is ignored, all of the others.
func (r *Reader) frame(b []byte, ev *Event) (used int) {
	f := b
	if len(r.kept) > 0 || len(b) < HeaderLen {
		used = r.keep(b, HeaderLen)
		f = r.kept
	}
	h, n := ParseHeader(f)
	if n == 0 {
		return used
	}
	if err := r.check(h); err != nil {
		r.fail(ev, err)
		return used
	}
	whole := HeaderLen + actOn(h)
	switch {
	case len(f) < whole:
		used += r.keep(b[used:], whole)
		if f = r.kept; len(f) < whole {
			return used
		}
	case len(r.kept) == 0:
		used = whole
	}
	r.kept = r.kept[:0] // f is good until something is kept again, in a later call
	r.open(h, f[HeaderLen:whole], ev)
	return used
}

// keep puts aside what b has of the frame's first n bytes.
func (r *Reader) keep(b []byte, n int) int {
	n = max(0, min(n-len(r.kept), len(b)))
	r.kept = append(r.kept, b[:n]...)
	return n
}

func (r *Reader) fail(ev *Event, err *Error) {
	r.failed, r.err, r.kept = true, err, nil
	*ev = Event{Kind: Fault}
}

// failStream reports a fault of a stream, for which we have to send RST_STREAM: that too can be made a flood.
func (r *Reader) failStream(ev *Event, stream uint32, err *Error) {
	if r.spend(ev, faultFlood) {
		r.err = err
		*ev = Event{Kind: StreamFault, Stream: stream}
	}
}

// spend pays for a frame. Once that cannot be afforded, the connection fails with the flood's name.
func (r *Reader) spend(ev *Event, flood *Error) bool {
	if r.budget.spend() {
		return true
	}
	r.fail(ev, flood)
	return false
}
