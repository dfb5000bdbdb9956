package h2

// frameCost is what a frame that brings nothing costs, counted in bytes of DATA payload.
const frameCost = 64

// budget tells a flood from a peer that is at work, without a clock (RFC 9113 section 10.5).
//
// Each of these frames costs one of [Limits.Flood]: PING and SETTINGS, acknowledgements too, RST_STREAM, GOAWAY,
// PRIORITY, frames of unknown types, DATA without payload that does not end its stream, HEADERS of requests and of
// interim responses, and whatever becomes a [StreamFault]. Each 64 bytes of DATA payload give one back, and
// [Reader.Refill] gives back all; never more than Flood are there.
//
// WINDOW_UPDATE is free, since nothing is answered or kept and each window overflows in the end. So are final
// responses, trailers and END_STREAM: of these the caller allows one for each stream it opened.
type budget struct{ spent, limit int }

// spend pays for one frame, and tells whether that could be afforded.
func (b *budget) spend() bool {
	b.spent += frameCost
	return b.spent <= b.limit
}

func (b *budget) earn(payload int) { b.spent = max(0, b.spent-payload) }
