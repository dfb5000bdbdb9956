package handover

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	firstDescriptor = 3    // behind standard input, output and error, for systemd's sockets as for ours
	maxSockets      = 4096 // more than anybody listens on; one for each loop and address

	control     = "WEIR_HANDOVER" // the descriptor of the control connection
	listenPID   = "LISTEN_PID"
	listenFDs   = "LISTEN_FDS"
	listenNames = "LISTEN_FDNAMES"
)

// Inherited is what this process was started with. Its calls are for one goroutine.
type Inherited struct {
	State     State
	Listeners []*os.File // listening sockets, of systemd or of the predecessor
	Admin     *os.File   // the predecessor's admin listener; nil: none

	link *link // to the predecessor; nil: the sockets are systemd's
}

// Inherit takes what environ says this process was started with; nil if that is nothing.
func Inherit(environ []string) (*Inherited, error) {
	if text := value(environ, control); text != "" {
		return fromPredecessor(text)
	}
	return fromSystemd(environ)
}

func fromPredecessor(text string) (*Inherited, error) {
	fd, err := strconv.Atoi(text)
	if err != nil || fd < firstDescriptor {
		return nil, fmt.Errorf("%s=%q is no descriptor; only a weir that starts its successor sets this variable", control, text)
	}
	in := new(Inherited)
	if in.link, err = newLink(inherited(fd, control)); err != nil {
		return nil, fmt.Errorf("%s=%s: %w", control, text, err)
	}
	if err := in.link.receive(&in.State, answerTimeout); err != nil {
		return nil, fmt.Errorf("the process before this one did not say what it passes on: %w", err)
	}
	next := fd + 1
	take := func(name string) *os.File {
		next++
		return inherited(next-1, name)
	}
	for range min(in.State.Listeners, maxSockets) {
		in.Listeners = append(in.Listeners, take("listener"))
	}
	if in.State.Admin {
		in.Admin = take("admin")
	}
	return in, nil
}

// fromSystemd takes the sockets of sd_listen_fds(3), if they are meant for this process.
func fromSystemd(environ []string) (*Inherited, error) {
	count := value(environ, listenFDs)
	if count == "" || value(environ, listenPID) != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxSockets {
		return nil, fmt.Errorf("%s=%q is not a number of sockets from 0 to %d", listenFDs, count, maxSockets)
	}
	if n == 0 {
		return nil, nil
	}
	in := new(Inherited)
	for i := range n {
		in.Listeners = append(in.Listeners, inherited(firstDescriptor+i, "listener"))
	}
	return in, nil
}

// inherited is a descriptor that programs started from here do not get.
func inherited(fd int, name string) *os.File {
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}

// Ready tells the predecessor that this process serves, and waits until it has stopped accepting. It is also over when the
// predecessor has ended. The answer says where that one is found from now on.
func (in *Inherited) Ready() (Predecessor, error) {
	var p Predecessor
	if in == nil || in.link == nil {
		return p, nil
	}
	defer in.link.close()
	if err := in.link.send(report{Ready: true, PID: os.Getpid()}); err != nil {
		return p, err
	}
	return p, in.link.receive(&p, answerTimeout)
}

// Failed tells the predecessor why this process does not take over.
func (in *Inherited) Failed(why error) {
	if in != nil && in.link != nil {
		_ = in.link.send(report{Error: why.Error()})
		in.link.close()
	}
}

// Environ is environ without what is meant for this process alone.
func Environ(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == control || name == listenPID || name == listenFDs || name == listenNames
	})
}

// value is that of the last variable of this name.
func value(environ []string, name string) (text string) {
	for _, v := range environ {
		if n, rest, _ := strings.Cut(v, "="); n == name {
			text = rest
		}
	}
	return text
}

// link is one end of the control connection: values of JSON, a line each.
type link struct {
	conn net.Conn
	read *json.Decoder
}

func newLink(f *os.File) (*link, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return &link{conn: conn, read: json.NewDecoder(conn)}, nil
}

func (l *link) send(v any) error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(answerTimeout))
	return json.NewEncoder(l.conn).Encode(v)
}

func (l *link) receive(v any, within time.Duration) error {
	_ = l.conn.SetReadDeadline(time.Now().Add(within))
	return l.read.Decode(v)
}

func (l *link) close() { _ = l.conn.Close() }
