package interop

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Process 1 of a container cannot leave its place to a successor, as the container ends with it. An upgrade is refused, with the
// reason, and changes nothing.
func TestUpgradeInAContainer(t *testing.T) {
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Getuid() != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
	}
	p := startBinaryAs(t, 0, attributes, "--upstream", b.url(), "--drain-timeout", "500ms", "--close-timeout", "100ms")
	c := mustDial(t, p.Front)

	const why = "number 1 of its container"
	answer, err := http.Post("http://"+p.Admin+"/upgrade", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusConflict || !strings.Contains(string(text), why) {
		t.Errorf("POST /upgrade: %s, %q, %v", answer.Status, text, err)
	}

	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "upgrade", "--admin", p.Admin).CombinedOutput()
	if err == nil || !strings.Contains(string(out), why) {
		t.Errorf("weir upgrade: %v, %q", err, out)
	}

	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.stderr.await(t, "upgrade failed")

	if err := c.exchange("still here"); err != nil {
		t.Error(err)
	}
	if err := mustDial(t, p.Front).exchange("new here"); err != nil {
		t.Error(err)
	}
	if p.readiness() != http.StatusOK {
		t.Error("not ready any more")
	}
	p.terminate(t)
}
