package h2

// check holds a frame's header against RFC 9113 before anything of its payload is waited for or kept. An error ends
// the connection.
func (r *Reader) check(h Header) *Error {
	switch {
	case !r.started && (h.Type != TypeSettings || h.Flags.Has(FlagAck)): // 3.4
		return settingsNotFirst
	case h.Length > r.maxFrame: // 4.2
		return frameTooLarge
	case r.block.open && (h.Type != TypeContinuation || h.Stream != r.block.stream): // 4.3
		return interrupted
	}
	switch h.Type {
	case TypeData, TypeHeaders, TypeReset, TypeContinuation, TypePriority: // 6.1, 6.2, 6.4, 6.10, 6.3
		if h.Stream == 0 {
			return streamZero
		}
	case TypeSettings, TypePing, TypeGoAway: // 6.5, 6.7, 6.8
		if h.Stream != 0 {
			return streamNotZero
		}
	case TypePushPromise: // 6.6, 8.4
		return pushPromise
	}
	if h.Stream&1 == 0 && h.Stream != 0 && h.Type <= TypeContinuation && h.Type != TypePriority {
		return evenStream // 5.1.1: a server begins streams by pushing alone, a client begins odd ones
	}
	if h.Type == TypeContinuation && !r.block.open {
		return continuation
	}
	if !rightLength(h) {
		return frameLength
	}
	return nil
}

// rightLength tells whether the frame can hold what its type and flags say that it does. PRIORITY is not asked about,
// as its length is no fault of the connection.
func rightLength(h Header) bool {
	switch h.Type {
	case TypeData:
		return !h.Flags.Has(FlagPadded) || h.Length >= 1
	case TypeHeaders:
		return h.Length >= bit(h.Flags.Has(FlagPadded))+priorityLen*bit(h.Flags.Has(FlagPriority))
	case TypeReset, TypeWindowUpdate:
		return h.Length == 4
	case TypeSettings:
		return h.Length%settingLen == 0 && (h.Length == 0 || !h.Flags.Has(FlagAck))
	case TypePing:
		return h.Length == 8
	case TypeGoAway:
		return h.Length >= 8
	}
	return true
}

const priorityLen = 5

// actOn is how many bytes of payload have to be there before the frame is acted on.
func actOn(h Header) int {
	switch h.Type {
	case TypeData:
		return int(bit(h.Flags.Has(FlagPadded))) // the padding's length
	case TypeHeaders, TypeReset, TypeSettings, TypePing, TypeGoAway, TypeWindowUpdate, TypeContinuation:
		return int(h.Length)
	}
	return 0
}
