package gateway_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"weir/internal/manytests"
)

// TestMain fails the package if a goroutine or a descriptor outlives the gateways of the tests.
func TestMain(m *testing.M) {
	manytests.AtOnce()
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
