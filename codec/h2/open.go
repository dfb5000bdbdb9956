package h2

import "encoding/binary"

// open acts on a frame that was checked, with the payload that actOn asked for.
func (r *Reader) open(h Header, p []byte, ev *Event) {
	switch h.Type {
	case TypeData:
		r.openData(h, p, ev)
	case TypeHeaders:
		r.openHeaders(h, p, ev)
	case TypeContinuation:
		r.openContinuation(h, p, ev)
	case TypeSettings:
		r.openSettings(h, p, ev)
	case TypeWindowUpdate:
		r.openWindowUpdate(h, p, ev)
	case TypePing:
		if r.spend(ev, pingFlood) {
			*ev = Event{Kind: Ping, Payload: p}
			if h.Flags.Has(FlagAck) {
				ev.Kind = Pong
			}
		}
	case TypeReset:
		if r.spend(ev, resetFlood) {
			*ev = Event{Kind: Reset, Stream: h.Stream, Code: ErrorCode(binary.BigEndian.Uint32(p))}
		}
	case TypeGoAway:
		if r.spend(ev, goAwayFlood) {
			last, code := binary.BigEndian.Uint32(p)&streamMask, ErrorCode(binary.BigEndian.Uint32(p[4:]))
			*ev = Event{Kind: GoAway, Stream: last, Code: code, Payload: p[8:]}
		}
	case TypePriority: // deprecated, and never acted on (section 5.3.2)
		r.skip = h.Length
		if h.Length != priorityLen {
			r.failStream(ev, h.Stream, priorityLength)
		} else {
			r.spend(ev, priorityFlood)
		}
	default: // section 5.5
		r.skip = h.Length
		r.spend(ev, unknownFlood)
	}
}

func (r *Reader) openSettings(h Header, p []byte, ev *Event) {
	if !r.spend(ev, settingsFlood) {
		return
	}
	if h.Flags.Has(FlagAck) {
		ev.Kind = SettingsAck
		return
	}
	r.started = true
	if err := r.peer.read(p, r.side.other()); err != nil {
		r.fail(ev, err)
		return
	}
	ev.Kind = SettingsChanged
}

func (r *Reader) openWindowUpdate(h Header, p []byte, ev *Event) {
	n := binary.BigEndian.Uint32(p) & streamMask
	switch {
	case n > 0:
		*ev = Event{Kind: WindowUpdate, Stream: h.Stream, N: n}
	case h.Stream == 0:
		r.fail(ev, zeroIncrement)
	default:
		r.failStream(ev, h.Stream, zeroIncrement)
	}
}
