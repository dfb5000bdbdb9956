package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// A script is a peer in a process of its own.
type script struct {
	process *exec.Cmd
	mu      sync.Mutex
	stdin   io.WriteCloser
	ended   chan struct{}
}

// startScript runs a peer's script. ready is a command that only succeeds if what the script needs is there.
func startScript(name, interpreter, path string, ready ...string) (*Peer, func(), error) {
	if out, err := exec.Command(interpreter, ready...).CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("%s is not installed, run make deps: %w\n%s", name, err, out)
	}
	s := &script{process: exec.Command(interpreter, path), ended: make(chan struct{})}
	s.process.Stderr = os.Stderr
	stdin, err1 := s.process.StdinPipe()
	stdout, err2 := s.process.StdoutPipe()
	if err := errors.Join(err1, err2, s.process.Start()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	s.stdin = stdin
	p := newPeer(name)
	p.send = s.send
	go s.listen(p, stdout)
	return p, s.close, nil
}

func (s *script) send(c command) error {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.stdin.Write(append(line, '\n'))
	return err
}

func (s *script) listen(p *Peer, stdout io.Reader) {
	defer close(s.ended)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var ev event
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			ev.Error = fmt.Sprintf("cannot read %q: %v", lines.Text(), err)
		}
		p.receive(ev)
	}
}

// close lets the script end and awaits it.
func (s *script) close() {
	_ = s.stdin.Close()
	<-s.ended
	_ = s.process.Wait()
}
