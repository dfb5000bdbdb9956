package netpoll

import (
	"testing"
	"unsafe"
)

// A million connections pay for every byte of these.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 64 {
		t.Errorf("a Conn takes %d bytes", n)
	}
	if n := unsafe.Sizeof(Timer{}); n > 48 {
		t.Errorf("a Timer takes %d bytes", n)
	}
}
