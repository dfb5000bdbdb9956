package deploytest

import (
	"os/exec"
	"strings"
	"testing"
)

// TestQuickstartInABrowser opens the page of the quick start in Chromium while its gateway and its backends run.
func TestQuickstartInABrowser(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("chromium is not installed: run .ci/deps")
	}
	const browse = `for i in 1 2 3 4 5; do
	timeout 20 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=profile --ignore-certificate-errors \
		--virtual-time-budget=3000 --dump-dom https://localhost:8443/ 2>chromium.log | grep '>connected' && break
	[ $i -lt 5 ]
done
`
	r := newRig(t, build(t))
	blocks, _ := split("docs/quickstart.md", read(t, "docs/quickstart.md"))
	runs := 0
	for _, b := range blocks {
		if name := b.first(); fileName.MatchString(name) {
			r.write(t, name, b.text)
		}
		if b.first() != "run" {
			continue
		}
		runs++
		if end := "kill $gateway"; strings.Contains(b.text, end) {
			b.text = strings.Replace(b.text, end, browse+end, 1)
		}
		r.run(t, b, "sh", "-eu")
	}
	if runs != 2 {
		t.Errorf("the quick start has %d scripts, not 2", runs)
	}
}
