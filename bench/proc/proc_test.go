//go:build linux

package proc

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 150 27 0 0 20 0"
	for name, tc := range map[string]struct {
		in           string
		user, system time.Duration
		bad          bool
	}{
		"plain":           {in: "12 (weir)" + rest, user: 1500 * time.Millisecond, system: 270 * time.Millisecond},
		"name with paren": {in: "12 (a) b (c)" + rest, user: 1500 * time.Millisecond, system: 270 * time.Millisecond},
		"short":           {in: "12 (weir) S 1 2", bad: true},
		"no name":         {in: "12 weir S", bad: true},
		"empty":           {bad: true},
		"not a number":    {in: "12 (weir) S 1 2 3 4 5 6 7 8 9 10 x 27 0", bad: true},
	} {
		user, system, err := parseStat([]byte(tc.in))
		if user != tc.user || system != tc.system || (err != nil) != tc.bad {
			t.Errorf("%s: %v, %v, %v", name, user, system, err)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	got, err := parseSchedstat([]byte("1000 20 3\n"))
	if want := (Thread{Run: 1000, Wait: 20}); got != want || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseSchedstat([]byte("1000\n")); err == nil {
		t.Error("a short line passed")
	}
}

func TestShareOfAThread(t *testing.T) {
	before, after := Thread{Run: 1000, Wait: 10}, Thread{Run: 1600, Wait: 110}
	if run, wait := after.Share(before, 1000); run != 0.6 || wait != 0.1 {
		t.Errorf("%v, %v", run, wait)
	}
	if run, wait := after.Share(before, 0); run != 0 || wait != 0 {
		t.Errorf("%v, %v of no time", run, wait)
	}
}

func TestParseField(t *testing.T) {
	status := []byte("Name:\tVmRSS\nVmPeak:\t  99 kB\nVmRSS:\t  12 kB\nThreads:\t3\n")
	if n, err := parseField(status, "VmRSS"); n != 12<<10 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, name := range []string{"Missing", "Threads"} {
		if _, err := parseField(status, name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSinceSplitsTheExactTotal(t *testing.T) {
	before := CPU{Total: 100 * time.Millisecond, User: 60 * time.Millisecond, System: 40 * time.Millisecond}
	after := CPU{Total: 204 * time.Millisecond, User: 90 * time.Millisecond, System: 110 * time.Millisecond}
	user, system := after.Since(before)
	if diff := user - 31200*time.Microsecond; diff.Abs() > time.Microsecond || user+system != 104*time.Millisecond {
		t.Errorf("user %v, system %v", user, system)
	}
	if user, system := (CPU{Total: 5}).Since(CPU{}); user != 0 || system != 5 {
		t.Errorf("less than a tick: user %v, system %v", user, system)
	}
}

func TestReadCPUOfThisProcess(t *testing.T) {
	before, err := ReadCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, err := ReadThread()
	if err != nil {
		t.Fatal(err)
	}
	for used := time.Duration(0); used < 20*time.Millisecond; {
		now, err := ReadThread()
		if err != nil {
			t.Fatal(err)
		}
		used = now.Run - thread.Run
	}
	after, err := ReadCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := after.Total - before.Total; used < 19*time.Millisecond {
		t.Errorf("this thread used 20 ms, its process is said to have used %v", used)
	}
	if _, err := ReadCPU(os.Getpid(), 1<<30); err == nil {
		t.Error("a process that is not there has CPU time")
	}
}

func TestReadMemory(t *testing.T) {
	if n, err := ReadRSS(os.Getpid()); n < 1<<20 || err != nil {
		t.Errorf("RSS %d, %v", n, err)
	}
	if n, err := ReadSlab(); n <= 0 || err != nil {
		t.Errorf("slab %d, %v", n, err)
	}
	if n, err := ReadAvailable(); n <= 0 || err != nil {
		t.Errorf("available %d, %v", n, err)
	}
	if n, err := RaiseFileLimit(); n == 0 || err != nil {
		t.Errorf("limit %d, %v", n, err)
	}
}
