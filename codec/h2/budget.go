package h2

// frameCost is what a frame that brings nothing costs, counted in bytes of DATA payload.
const frameCost = 64

// budget tells a flood from a peer that is at work, as [Limits] describes.
type budget struct{ spent, limit int }

// spend pays for one frame, and tells whether that could be afforded.
func (b *budget) spend() bool {
	b.spent += frameCost
	return b.spent <= b.limit
}

// streamsWalked is how many streams may be looked at for what one frame costs.
const streamsWalked = 16

// ChargeWalk pays for a walk over that many streams, which a frame of the peer's made its owner take. The error, if that
// could not be afforded, ends the connection.
func (r *Reader) ChargeWalk(streams int) *Error {
	if r.budget.spent += frameCost * (streams / streamsWalked); r.budget.spent > r.budget.limit {
		return walkFlood
	}
	return nil
}

func (b *budget) earn(payload int) { b.spent = max(0, b.spent-payload) }
