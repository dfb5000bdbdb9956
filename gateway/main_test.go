package gateway_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the package if a goroutine or a descriptor outlives the gateways of the tests.
func TestMain(m *testing.M) {
	flag.Parse()
	processors := runtime.GOMAXPROCS(0)
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(processors) { // nobody said otherwise
		_ = flag.Set(f.Name, strconv.Itoa(2*processors)) // they mostly wait
	}
	if flag.Lookup("test.bench").Value.String() == "" {
		// A loop keeps a processor of the scheduler's for some milliseconds before it sleeps, and here are many loops at once.
		runtime.GOMAXPROCS(4 * processors)
	}
	goleak.VerifyTestMain(descriptorCheck{m})
}

type descriptorCheck struct{ m *testing.M }

// spareDescriptors is room for what Go's runtime opens once and keeps: its poller and the like.
const spareDescriptors = 8

func (c descriptorCheck) Run() int {
	before := descriptors()
	code := c.m.Run()
	if after := descriptors(); after > before+spareDescriptors {
		fmt.Fprintf(os.Stderr, "descriptors leaked: %d before the tests, %d after\n", before, after)
		return 1
	}
	return code
}

// descriptors counts those open in this process; 0 where the system does not show them.
func descriptors() int {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if list, err := os.ReadDir(dir); err == nil {
			return len(list)
		}
	}
	return 0
}
