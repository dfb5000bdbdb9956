//go:build debug

package invariants

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
)

// Debug tells whether the checks are compiled in.
const Debug = true

// Owner names the goroutine that may touch a structure.
type Owner struct{ id atomic.Uint64 }

// Bind makes the calling goroutine the owner.
func (o *Owner) Bind() { o.id.Store(goroutine()) }

// Check panics in a debug build if the caller is not the owner.
func (o *Owner) Check() {
	if want, is := o.id.Load(), goroutine(); want != 0 && want != is {
		panic(fmt.Sprintf("invariant: owned by goroutine %d, touched by %d", want, is))
	}
}

// Mangle overwrites b in a debug build, so that whoever kept a lent slice reads rubbish at once.
func Mangle(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}

// goroutine reads the caller's number from its stack trace's first line, "goroutine 7 [running]:".
func goroutine() uint64 {
	var b [64]byte
	words := bytes.Fields(b[:runtime.Stack(b[:], false)])
	id, _ := strconv.ParseUint(string(words[1]), 10, 64)
	return id
}
