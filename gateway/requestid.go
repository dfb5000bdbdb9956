package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// newRequestID names a request that came without a name. It is told apart from others, not kept secret.
func newRequestID() string {
	var id requestID
	id.fill()
	return string(id[:])
}

// requestID is such a name.
type requestID [32]byte

func (id *requestID) fill() {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	hex.Encode(id[:], b[:])
}
