package upstream

import (
	"testing"
	"unsafe"
)

// An idle session has one of these beside what the gateway keeps.
func TestStreamSizes(t *testing.T) {
	if n := unsafe.Sizeof(tunnel{}); n > 96 {
		t.Errorf("a tunnel takes %d bytes, more than the allocator's class of 96", n)
	}
	if n := unsafe.Sizeof(stream{}); n > 64 {
		t.Errorf("a pooled stream takes %d bytes, more than the allocator's class of 64", n)
	}
}
