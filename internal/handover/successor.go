package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// answerTimeout is how long either process waits for a word that the other can say at once.
const answerTimeout = 30 * time.Second

// State is what a process passes on besides its sockets.
type State struct {
	PID       int  `json:"pid"` // of the process that passes it on
	Listeners int  `json:"listeners"`
	Admin     bool `json:"admin"`

	StickyKey []byte          `json:"sticky_key,omitempty"` // that process made, where the configuration has none
	Tickets   json.RawMessage `json:"tickets,omitempty"`    // likewise, what the keys of TLS tickets are made of
	Endpoints json.RawMessage `json:"endpoints,omitempty"`  // what was changed about them by hand
}

// Predecessor is where the process before this one is found while its sessions last.
type Predecessor struct {
	PID   int    `json:"pid"`
	Admin string `json:"admin,omitempty"` // path of the unix socket that its admin listener moved to
}

// report is the successor's word.
type report struct {
	Ready bool   `json:"ready,omitempty"`
	PID   int    `json:"pid,omitempty"`
	Error string `json:"error,omitempty"`
}

// Program is what to start.
type Program struct {
	Path    string
	Args    []string // without the program's name
	Environ []string
}

// Successor is a process that is to take over.
type Successor struct {
	process *os.Process
	link    *link
	ended   chan error
}

// Start starts p with copies of the sockets. The caller closes its own.
func Start(p Program, s State, listeners []*os.File, admin *os.File) (*Successor, error) {
	s.Listeners, s.Admin = len(listeners), admin != nil
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env = append(Environ(p.Environ), fmt.Sprintf("%s=%d", control, firstDescriptor))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = append([]*os.File{theirs}, listeners...)
	if admin != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, admin)
	}
	l, err := newLink(ours)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		l.close()
		return nil, err
	}
	next := &Successor{process: cmd.Process, link: l, ended: make(chan error, 1)}
	go func() { next.ended <- cmd.Wait() }()
	if err := l.send(s); err != nil {
		next.Stop()
		return nil, fmt.Errorf("the new process did not take what it was passed: %w", err)
	}
	return next, nil
}

// Wait returns once the successor serves, and its process id. After an error it has ended, or has been ended.
func (n *Successor) Wait(within time.Duration) (pid int, err error) {
	var r report
	err = n.link.receive(&r, within)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("the new process was not ready within %v", within)
	case err != nil:
		err = errors.New("the new process ended before it was ready; its log says why")
	case !r.Ready:
		err = errors.New(r.Error)
	default:
		return r.PID, nil
	}
	n.Stop()
	return 0, err
}

// Go tells the successor that it is alone in accepting, and where this process is found.
func (n *Successor) Go(p Predecessor) error {
	defer n.link.close()
	return n.link.send(p)
}

// Stop ends a successor that did not come up.
func (n *Successor) Stop() {
	n.link.close()
	_ = n.process.Signal(syscall.SIGTERM)
	select {
	case <-n.ended:
	case <-time.After(stopTimeout):
		_ = n.process.Kill()
		<-n.ended
	}
}

// stopTimeout is how long a successor that did not come up has to end by itself.
const stopTimeout = 5 * time.Second

// pair is a connection between two processes.
func pair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // until both close on exec
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		return nil, nil, errors.Join(err, syscall.Close(fds[0]), syscall.Close(fds[1]))
	}
	return os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control"), nil
}

// ErrEnded says that the process is no longer there.
var ErrEnded = errors.New("handover: the process before has ended")

// Sessions asks how many sessions the process still has.
func (p *Predecessor) Sessions() (open int, err error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.Admin)
	}}
	client := &http.Client{Transport: transport, Timeout: time.Second}
	answer, err := client.Get("http://localhost/sessions")
	switch {
	case errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED):
		return 0, ErrEnded
	case err != nil:
		return 0, err
	}
	defer answer.Body.Close()
	var sum struct{ Open int }
	err = json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&sum)
	return sum.Open, err
}
