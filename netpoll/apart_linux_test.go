package netpoll

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// onFirstThread runs fn on the process's first thread, by taking all others that goroutines are put on, and tells
// whether it got there.
func onFirstThread(fn func()) (got bool) {
	for until := time.Now().Add(10 * time.Second); !got && time.Now().Before(until); {
		over := make(chan struct{})
		for i := 0; i < 20 && !got; i++ {
			here := make(chan bool)
			go func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				if unix.Gettid() == unix.Getpid() {
					fn()
					here <- true
					return
				}
				here <- false
				<-over
			}()
			got = <-here
		}
		close(over)
		time.Sleep(time.Millisecond) // the thread may be the one that waits for timers
	}
	return got
}

// The first thread would never end, so it is left alone; the one taken instead ends with what it was taken for.
func TestApart(t *testing.T) {
	got := onFirstThread(func() {
		ran := make(chan int, 1)
		apart(func() { ran <- unix.Gettid() })
		thread := <-ran
		if thread == unix.Getpid() {
			t.Error("the first thread was taken")
		}
		dir := fmt.Sprintf("/proc/self/task/%d", thread)
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(dir); err != nil {
				return
			}
			if time.Now().After(until) {
				t.Error("the thread has not ended")
				return
			}
		}
	})
	if !got {
		t.Error("no goroutine was put on the first thread")
	}
}
