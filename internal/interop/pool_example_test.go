package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/gateway/config"
	"weir/internal/freeport"
)

// TestNodeExample runs what deploy/pooling.md shows, as it stands there.
func TestNodeExample(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../deploy/pooling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```js\n")
	example, _, _ = strings.Cut(example, "```")
	addr := freeport.Addr(t)
	placed := strings.Replace(example, "listen(9000)", "listen("+strings.TrimPrefix(addr, "127.0.0.1:")+")", 1)
	if placed == example {
		t.Fatal("the example does not listen on 9000")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "example.mjs"), []byte(placed), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"pooling-node.mjs": "../../deploy/pooling-node.mjs", "node_modules": "node/node_modules"} {
		target, err := filepath.Abs(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	startProcess(t, addr, nil, "node", filepath.Join(dir, "example.mjs"))
	f := poolsTuned(t, func(c *config.Config) { c.HealthInterval, c.HealthPath = config.Default().HealthInterval, "/healthz" }, "ws://"+addr)
	for range 3 {
		mustDial(t, f).roundTrip(t, "hello")
	}
	awaitEndpoint(t, f, "healthy", "")
}
