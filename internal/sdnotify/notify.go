package sdnotify

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// Socket is where systemd listens; "" where nobody does.
type Socket string

const variable = "NOTIFY_SOCKET="

// From finds the socket in an environment as os.Environ gives it.
func From(environ []string) (s Socket) {
	for _, v := range environ {
		if text, ok := strings.CutPrefix(v, variable); ok {
			s = Socket(text)
		}
	}
	return s
}

// Ready says that the service has started, or has reloaded.
func (s Socket) Ready() error { return s.send("READY=1") }

// Reloading says that a reload begins. Ready ends it.
func (s Socket) Reloading() error { return s.send("RELOADING=1\nMONOTONIC_USEC=" + monotonic()) }

// Stopping says that the service ends.
func (s Socket) Stopping() error { return s.send("STOPPING=1") }

// MainPID says that another process is the service's main one from now on.
func (s Socket) MainPID(pid int) error { return s.send("MAINPID=" + strconv.Itoa(pid)) }

// patience is how long systemd may take to take a message. Nothing of the service waits for longer.
const patience = time.Second

func (s Socket) send(state string) error {
	if s == "" {
		return nil
	}
	c, err := net.Dial("unixgram", string(s)) // "@" begins an abstract name there, too
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err = c.Write([]byte(state))
	return err
}
