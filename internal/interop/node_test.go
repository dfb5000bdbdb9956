package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"
)

// node is a script of node/ in a process of its own that answers one call at a time; calls.mjs is its other side.
type node struct {
	script  string
	process *exec.Cmd
	stdin   io.WriteCloser
	answers chan []byte // closed at the end of its output
	said    *lines
}

// args are what a call gives to a script's function.
type args map[string]any

// startNode runs a script until the end of the test.
func startNode(t testing.TB, script string, argv ...string) *node {
	t.Helper()
	return startCalled(t, script, append([]string{"node", "node/" + script}, argv...)...)
}

// startCalled is startNode for any program that answers calls.
func startCalled(t testing.TB, name string, argv ...string) *node {
	t.Helper()
	n := &node{script: name, process: exec.Command(argv[0], argv[1:]...), answers: make(chan []byte, 1), said: &lines{}}
	n.process.Stderr = n.said
	stdin, err := n.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := n.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.process.Start(); err != nil {
		t.Fatalf("run make deps: %v", err)
	}
	n.stdin = stdin
	go n.read(stdout)
	t.Cleanup(func() { n.stop(t) })
	return n
}

func (n *node) read(stdout io.Reader) {
	defer close(n.answers)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		n.answers <- append([]byte(nil), lines.Bytes()...)
	}
}

// stop lets the script end by itself, unless it hangs in a call that the test gave up.
func (n *node) stop(t testing.TB) {
	_ = n.stdin.Close()
	hung := time.AfterFunc(patience/3, func() { _ = n.process.Process.Kill() })
	defer hung.Stop()
	for range n.answers {
	}
	_ = n.process.Wait()
	if t.Failed() {
		t.Logf("%s said:\n%s", n.script, n.said)
	}
}

// kill ends the script at once, and with it its connections.
func (n *node) kill(t testing.TB) {
	t.Helper()
	if err := n.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, alive := <-n.answers; alive {
		t.Fatalf("%s answered instead of ending", n.script)
	}
}

// call has the script do something. The result, if it is of interest, is put where result points.
func (n *node) call(t testing.TB, result any, do string, with args) {
	t.Helper()
	line, err := json.Marshal(map[string]any{"do": do, "args": with})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.stdin.Write(append(line, '\n')); err != nil {
		t.Fatalf("%s: %s: %v; if something is not installed, run make deps\n%s", n.script, do, err, n.said)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  string          `json:"error"`
	}
	text := await(t, n.answers, fmt.Sprintf("%s: answer to %s", n.script, line))
	if text == nil {
		t.Fatalf("%s ended; if something is not installed, run make deps\n%s", n.script, n.said)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: %s: cannot read %q: %v", n.script, do, text, err)
	}
	if answer.Error != "" {
		t.Fatalf("%s: %s: %s", n.script, line, answer.Error)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		t.Fatalf("%s: %s: %s: %v", n.script, do, answer.Result, err)
	}
}
