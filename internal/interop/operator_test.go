package interop

import (
	"bufio"
	"os/exec"
	"testing"

	"github.com/coder/websocket"
)

// TestLogReaderDies: whoever reads the log may go away. The gateway serves on, and its clients get the drain's close.
func TestLogReaderDies(t *testing.T) {
	path, err := buildWeir()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Front: &Front{Addr: freeAddr(t), Admin: freeAddr(t)}, ended: make(chan error, 1), stderr: &lines{}}
	p.cmd = exec.Command(path, "--demo", "--listen", p.Addr, "--admin", p.Admin, "--drain-timeout", "2s")
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	if _, err := bufio.NewReader(log).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = log.Close()
	go func() { p.ended <- p.cmd.Wait() }()
	p.awaitReady(t)
	for range 3 { // each writes to the pipe that nobody reads
		c, _, err := websocket.Dial(t.Context(), p.url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(t.Context(), websocket.MessageText, []byte("still there?")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = c.CloseNow()
	}
	c, _, err := websocket.Dial(t.Context(), p.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	p.signal(t)
	if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) == -1 {
		t.Errorf("at the drain the client got %v", err)
	}
	if err := await(t, p.ended, "the end of weir"); err != nil {
		t.Errorf("weir ended with %v", err)
	}
}
