//go:build debug

package invariants

import (
	"fmt"
	"runtime"
	"sync"
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

// goroutine reads the caller's number from its stack trace's first line, "goroutine 7 [running]:". It allocates
// nothing, so that tests of that hold in a debug build too.
func goroutine() (id uint64) {
	b := traces.Get().(*[64]byte)
	defer traces.Put(b)
	for _, c := range b[len("goroutine "):runtime.Stack(b[:], false)] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}

var traces = sync.Pool{New: func() any { return new([64]byte) }}
