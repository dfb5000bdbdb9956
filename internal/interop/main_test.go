package interop

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var soakTime = flag.Duration("soak", 0, "how long the soak test runs; 0: not at all")

// TestMain checks at the end that neither goroutines nor descriptors are left.
func TestMain(m *testing.M) {
	before := descriptors()
	code := m.Run()
	for _, stop := range stopPeers.all {
		stop()
	}
	if code == 0 {
		if err := leaks(before); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func leaks(before int) error {
	if err := goleak.Find(); err != nil {
		return err
	}
	deadline := time.Now().Add(5 * time.Second)
	after := descriptors()
	for ; after > before+runtimeDescriptors && time.Now().Before(deadline); after = descriptors() {
		time.Sleep(10 * time.Millisecond) // the number of descriptors has no event to await
	}
	if after > before+runtimeDescriptors {
		return fmt.Errorf("%d descriptors were open before the tests, %d are after them", before, after)
	}
	return nil
}

// runtimeDescriptors are the epoll and event descriptors that Go's runtime opens with the first socket and
// keeps, and the one of the random source.
const runtimeDescriptors = 3

// descriptors counts the open ones of this process.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err) // these tests run on Linux
	}
	return len(list) - 1 // the one that reads the list
}
