//go:build linux

package regress

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestEveryCall sees all calls of the process: the waits too, which nothing else counts, and that what is counted
// elsewhere is true.
func TestEveryCall(t *testing.T) {
	for name, w := range map[string]way{"tunnel": {}, "pool": {pool: true}, "TLS tunnel": {tls: true}} {
		t.Run(name, func(t *testing.T) {
			g := start(t, w)
			c := g.open()
			const messages = 1000
			before, reads := g.counts(), g.reads()
			seen := g.trace(func() {
				for range messages {
					c.say(sent)
					c.hear()
				}
			})
			reads = g.reads() - reads
			sends := g.counts().sends - before.sends
			t.Logf("%d messages: %v", messages, seen)
			if n := seen["sendto"] + seen["writev"]; n != sends {
				t.Errorf("%d calls sent, %d were counted", n, sends)
			}
			if n := seen["read"] + seen["readv"]; max(n-reads, reads-n) > 10 { // the admin listener's may fall on either side
				t.Errorf("%d calls read, %d were counted", n, reads)
			}
			if n := seen["epoll_pwait"] + seen["epoll_wait"]; n > messages*22/10 { // one for each side, unless Go's scheduler looks as well
				t.Errorf("%d waits for %d messages each way", n, messages)
			}
		})
	}
}

// trace counts all system calls of the process while do runs.
func (g *gateway) trace(do func()) map[string]int64 {
	g.t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		g.t.Skip("strace is not installed: .ci/deps does that")
	}
	file := filepath.Join(g.t.TempDir(), "calls")
	cmd := exec.Command("strace", "--summary-only", "--follow-forks", "--output="+file, fmt.Sprintf("--attach=%d", g.pid))
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	in := bufio.NewScanner(log)
	if !in.Scan() || !strings.Contains(in.Text(), "attached") {
		_, _ = cmd.Process.Kill(), cmd.Wait()
		if strings.Contains(in.Text(), "not permitted") {
			g.t.Skip("this machine forbids to trace a process: " + in.Text())
		}
		g.t.Fatalf("strace: %q", in.Text())
	}
	do()
	_ = cmd.Process.Signal(syscall.SIGINT)
	for in.Scan() {
	}
	_ = cmd.Wait() // its status is the signal
	b, err := os.ReadFile(file)
	if err != nil {
		g.t.Fatal(err)
	}
	return parseSummary(string(b))
}

// A line of the summary: share, seconds, microseconds each, calls, perhaps errors, name.
var summaryLine = regexp.MustCompile(`(?m)^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w+)$`)

func parseSummary(text string) map[string]int64 {
	calls := map[string]int64{}
	for _, m := range summaryLine.FindAllStringSubmatch(text, -1) {
		calls[m[2]], _ = strconv.ParseInt(m[1], 10, 64)
	}
	return calls
}
