package session

import (
	"testing"
	"unsafe"
)

// A million idle sessions hold one of these each; a field more should be a decision, not an accident.
func TestSessionSize(t *testing.T) {
	if n := unsafe.Sizeof(session{}); n > 320 {
		t.Errorf("a session takes %d bytes, more than the allocator's class of 320", n)
	}
}
