package interop

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	bulk       = 100 << 20
	bulkMemory = 48 << 20 // what the gateway may grow by on its way, with every window and buffer that it has
)

// TestCurlBulk: 100 MiB each way arrive as they were, and the gateway does not keep them.
func TestCurlBulk(t *testing.T) {
	const seed = 8441
	mux := http.NewServeMux()
	mux.HandleFunc("/sum", sum)
	mux.HandleFunc("/bulk", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, noise(seed), bulk) })
	path := filepath.Join(t.TempDir(), "bulk")
	want := writeBulk(t, path, seed)
	for _, way := range curlWays {
		t.Run(way.name, func(t *testing.T) {
			c := startCurled(t, way.secure, way.flag, mux)
			c.curl(t, "/sum")
			before := c.peakMemory(t)
			if got := c.curl(t, "/sum", "-T", path); got != fmt.Sprintf("%s length %d <nil>\n", want, bulk) {
				t.Errorf("uploaded %s, the backend got %s", want, got)
			}
			if got := c.curl(t, "/sum", "-T", path, "-H", "Transfer-Encoding: chunked"); got != want+" unknown length <nil>\n" {
				t.Errorf("uploaded %s without a length, the backend got %s", want, got)
			}
			down, n := sha256.New(), 0
			c.stream(t, "/bulk", func(out io.Reader) { n = copied(t, down, out) })
			if got := hex.EncodeToString(down.Sum(nil)); got != want || n != bulk {
				t.Errorf("downloaded %d bytes with the hash %s, want %s", n, got, want)
			}
			grown := c.peakMemory(t) - before
			t.Logf("grew by %d KiB", grown>>10)
			if grown > bulkMemory {
				t.Errorf("the gateway grew by %d bytes", grown)
			}
		})
	}
}

func noise(seed int) io.Reader { return rand.NewChaCha8([32]byte{byte(seed)}) }

func writeBulk(t testing.TB, path string, seed int) (sum string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), noise(seed), bulk); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func copied(t testing.TB, h hash.Hash, from io.Reader) int {
	t.Helper()
	n, err := io.Copy(h, from)
	if err != nil {
		t.Error(err)
	}
	return int(n)
}

// peakMemory is the most that the process has had resident, in bytes.
func (p *process) peakMemory(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var kib int
	_, after, _ := strings.Cut(string(b), "VmHWM:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// stream has read take what curl writes while curl runs.
func (c *curled) stream(t testing.TB, path string, read func(io.Reader), args ...string) {
	t.Helper()
	cmd := exec.Command("curl", c.argv(path, append(args, "--no-buffer")...)...)
	said := &lines{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("run make deps: %v", err)
	}
	read(out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("curl %s: %v\n%s", path, err, said)
	}
}

// TestCurlEvents: each server-sent event arrives before the backend says the next, which it does when told to.
func TestCurlEvents(t *testing.T) {
	for _, way := range curlWays {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			next := make(chan string, 1)
			c := startCurled(t, way.secure, way.flag, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_ = http.NewResponseController(w).Flush()
				for text := range next {
					fmt.Fprintf(w, "data: %s\n\n", text)
					_ = http.NewResponseController(w).Flush()
				}
			}))
			c.stream(t, "/", func(out io.Reader) {
				in := bufio.NewReader(out)
				for i := range 20 {
					next <- fmt.Sprint("event ", i)
					if line, err := in.ReadString('\n'); err != nil || line != fmt.Sprintf("data: event %d\n", i) {
						t.Errorf("event %d came as %q, %v", i, line, err)
					}
					_, _ = in.ReadString('\n')
				}
				close(next)
			})
		})
	}
}
