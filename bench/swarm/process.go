//go:build linux

package swarm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/bench/proc"
)

// process is one worker as its parent sees it.
type process struct {
	number int
	cmd    *exec.Cmd
	in     io.WriteCloser
	said   proc.Tail // complete when done is closed
	answer chan report
	done   chan struct{} // closed when the process has ended
	live   atomic.Int64
}

func startProcess(number int, argv []string) (*process, error) {
	p := &process{number: number, answer: make(chan report, 1), done: make(chan struct{})}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stderr = &p.said
	p.cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1") // for its loop is alone
	// A terminal's Ctrl-C is the parent's to act on; should that be killed, the worker is too.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("load process: %w", err)
	}
	p.in = in
	go p.listen(out)
	return p, nil
}

// listen takes reports until the process ends.
func (p *process) listen(out io.Reader) {
	defer close(p.done)
	defer p.cmd.Wait()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var r report
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			break // it did not come from Serve
		}
		p.live.Store(int64(r.Live))
		if !r.Progress {
			p.answer <- r
		}
	}
	p.live.Store(0)
	p.cmd.Process.Kill()
}

// do has a command obeyed. The tally holds what was counted also when the error is not nil.
func (p *process) do(ctx context.Context, c command) (Tally, error) {
	line, err := json.Marshal(c)
	if err != nil {
		return Tally{}, err
	}
	_, _ = p.in.Write(append(line, '\n')) // if nobody reads it, done tells why
	select {
	case r := <-p.answer:
		return p.tally(r)
	case <-p.done:
		return Tally{}, p.ended()
	case <-ctx.Done():
		return Tally{}, fmt.Errorf("load process %d: %w", p.number, context.Cause(ctx))
	}
}

func (p *process) tally(r report) (Tally, error) {
	t := Tally{Live: r.Live, tallies: r.tallies}
	var errs []error
	if r.Error != "" {
		errs = append(errs, errors.New(r.Error))
	}
	if len(r.Latency) > 0 {
		var err error
		if t.Latency, err = hdrhistogram.Decode(r.Latency); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return t, fmt.Errorf("load process %d: %w", p.number, errors.Join(errs...))
	}
	return t, nil
}

func (p *process) ended() error {
	return fmt.Errorf("load process %d ended (%s)%s", p.number, p.cmd.ProcessState, p.said.String())
}

func (p *process) stop() {
	p.in.Close()
	p.cmd.Process.Kill()
	<-p.done
}
