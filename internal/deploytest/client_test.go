package deploytest

import (
	"strings"
	"testing"
)

// TestReconnectingClientInABrowser plays the script of the recipe with the recipe's client in Chromium.
func TestReconnectingClientInABrowser(t *testing.T) {
	t.Parallel()
	const page = "docs/recipes/client.md"
	r := newRig(t, build(t))
	r.standIns(t, page)
	blocks, _ := split(page, read(t, page))
	for _, b := range blocks {
		if name := b.first(); fileName.MatchString(name) {
			r.write(t, name, b.text)
		}
		if b.first() != "run" {
			continue
		}
		if b.text = strings.Replace(b.text, "node client.mjs", "node browser.mjs", 1); !strings.Contains(b.text, "browser.mjs") {
			t.Error("the script starts no client")
		}
		r.run(t, b, "sh", "-eu")
	}
}
