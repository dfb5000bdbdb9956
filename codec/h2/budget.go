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

func (b *budget) earn(payload int) { b.spent = max(0, b.spent-payload) }
