package netpoll_test

import (
	"fmt"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run if the tests leave goroutines or descriptors behind.
func TestMain(m *testing.M) {
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil { // the runtime's own poller opens descriptors, once
		_ = ln.Close()
	}
	before := descriptors()
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if after := descriptors(); after != before {
		fmt.Fprintf(os.Stderr, "descriptors leak: %d before the tests, %d after\n", before, after)
		code = 1
	}
	os.Exit(code)
}

// descriptors counts the open descriptors of the process, where the system tells: 0 elsewhere.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
