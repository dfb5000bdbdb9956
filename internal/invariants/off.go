//go:build !debug

package invariants

// Debug tells whether the checks are compiled in.
const Debug = false

// Owner names the goroutine that may touch a structure.
type Owner struct{}

// Bind makes the calling goroutine the owner.
func (*Owner) Bind() {}

// Check panics in a debug build if the caller is not the owner.
func (*Owner) Check() {}

// Mangle overwrites b in a debug build, so that whoever kept a lent slice reads rubbish at once.
func Mangle([]byte) {}
