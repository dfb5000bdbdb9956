//go:build linux

package regress

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEveryCall sees all calls of a process from its start: the waits too, which nothing else counts, and that what is
// counted elsewhere is true.
func TestEveryCall(t *testing.T) {
	for name, w := range map[string]way{"tunnel": {}, "pool": {pool: true}, "TLS tunnel": {tls: true}} {
		t.Run(name, func(t *testing.T) {
			w.traced = filepath.Join(t.TempDir(), "calls")
			g := start(t, w)
			c := g.open()
			const messages, starting = 1000, 100
			for range messages {
				c.say(sent)
				c.hear()
			}
			sends, reads := g.counts().sends, g.reads()
			g.signal(syscall.SIGKILL)
			seen := summary(t, w.traced)
			t.Logf("%d messages: %v", messages, seen)
			if n := seen["sendto"] + seen["writev"]; n != sends {
				t.Errorf("%d calls sent, %d were counted", n, sends)
			}
			if n := seen["read"] + seen["readv"]; max(n-reads, reads-n) > 10 { // the admin listener's may fall on either side
				t.Errorf("%d calls read, %d were counted", n, reads)
			}
			if n := seen["epoll_pwait"] + seen["epoll_wait"]; n > messages*22/10+starting { // one for each side, unless Go's scheduler looks as well
				t.Errorf("%d waits for %d messages each way", n, messages)
			}
		})
	}
}

// summary is strace's, which it writes when the process has ended: how often there was each call.
func summary(t *testing.T, file string) map[string]int64 {
	t.Helper()
	var text string
	for end := time.Now().Add(patience); !strings.HasSuffix(text, " total\n"); time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(file)
		if text = string(b); time.Now().After(end) {
			t.Fatalf("strace has written no summary, but %q, %v", text, err)
		}
	}
	calls := map[string]int64{}
	for _, m := range summaryLine.FindAllStringSubmatch(text, -1) {
		calls[m[2]], _ = strconv.ParseInt(m[1], 10, 64)
	}
	return calls
}

// A line of the summary: share, seconds, microseconds each, calls, perhaps errors, name.
var summaryLine = regexp.MustCompile(`(?m)^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w+)$`)
