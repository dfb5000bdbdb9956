package observe

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// NewRequestID names a request that came without a name. It is told apart from others, not kept secret.
func NewRequestID() string {
	var id RequestID
	id.Fill()
	return string(id[:])
}

// RequestID is such a name.
type RequestID [32]byte

func (id *RequestID) Fill() {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	hex.Encode(id[:], b[:])
}
