// Package manytests runs more of a package's parallel tests at once than there are processors, for tests that mostly wait.
package manytests

import (
	"flag"
	"runtime"
	"strconv"
)

// AtOnce is for TestMain. Who says -parallel has the last word.
func AtOnce() {
	flag.Parse()
	f := flag.Lookup("test.parallel")
	if f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set(f.Name, strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
}
