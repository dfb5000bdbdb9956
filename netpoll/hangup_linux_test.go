package netpoll

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	in, out      = unix.EPOLLIN, unix.EPOLLOUT
	hangUpEvents = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// The peer of a connection that is not being read goes away: heard at once if nothing is left to read, else
// behind the data.
func TestHangUp(t *testing.T) {
	for name, tt := range map[string]struct {
		flags  flag
		event  uint32
		peek   answer
		resume []answer // what reading finds after Resume
		heard  []string
	}{
		"paused, end, nothing left":   {paused, unix.EPOLLRDHUP | in, answer{0, 0}, nil, []string{"eof"}},
		"paused, end behind data":     {paused, unix.EPOLLRDHUP | in, answer{1, 0}, []answer{{3, 0}, {0, 0}}, []string{"data 3", "eof"}},
		"paused, reset":               {paused, unix.EPOLLERR | unix.EPOLLHUP | in, answer{0, unix.ECONNRESET}, nil, []string{"close ECONNRESET"}},
		"paused, reset behind data":   {paused, unix.EPOLLERR | in, answer{1, 0}, []answer{{3, 0}, {0, unix.ECONNRESET}}, []string{"data 3", "close ECONNRESET"}},
		"paused, stale":               {paused, unix.EPOLLHUP, answer{0, unix.EAGAIN}, []answer{{3, 0}}, nil},
		"paused, interrupted":         {paused, unix.EPOLLRDHUP | in, answer{0, unix.EINTR}, []answer{{0, 0}}, []string{"eof"}},
		"ended before, then reset":    {ended, unix.EPOLLERR | unix.EPOLLHUP, answer{0, unix.EPIPE}, nil, []string{"close EPIPE"}},
		"ended before, nothing new":   {ended, unix.EPOLLRDHUP | in | out, answer{0, 0}, nil, nil},
		"ended before, then closed":   {ended, unix.EPOLLRDHUP | unix.EPOLLHUP | in, answer{0, 0}, nil, []string{"close EPIPE"}},
		"reading, end and closed":     {0, unix.EPOLLRDHUP | unix.EPOLLHUP | in, answer{0, 0}, []answer{{3, 0}, {0, 0}}, []string{"data 3", "eof", "close EPIPE"}},
		"our end sent, then closed":   {ended | finSent, unix.EPOLLRDHUP | unix.EPOLLHUP | in, answer{0, 0}, nil, nil},
		"paused, closed behind data":  {paused, unix.EPOLLRDHUP | unix.EPOLLHUP | in, answer{1, 0}, []answer{{3, 0}, {0, 0}}, []string{"data 3", "eof", "close EPIPE"}},
		"reading, all in one event":   {0, unix.EPOLLRDHUP | in, answer{}, []answer{{3, 0}, {0, 0}}, []string{"data 3", "eof"}},
		"reading, end, then reset":    {0, unix.EPOLLRDHUP | unix.EPOLLERR | unix.EPOLLHUP | in, answer{0, unix.EPIPE}, []answer{{3, 0}, {0, 0}}, []string{"data 3", "eof", "close EPIPE"}},
		"reading, hang-up without in": {0, unix.EPOLLHUP, answer{}, []answer{{0, unix.ETIMEDOUT}}, []string{"close ETIMEDOUT"}},
		"reading, urgent mark":        {0, unix.EPOLLPRI | in, answer{}, []answer{{3, 0}, {2, 0}}, []string{"data 3", "data 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			k, j := &kernel{peeks: []answer{tt.peek, {0, 0}}, gone: strings.Contains(name, "closed")}, &journal{}
			l := fakeLoop(t, k)
			c := l.adopt(new(Conn), 7, j, tt.flags)
			if !c.Paused() {
				k.reads = tt.resume
			}
			c.ready(tt.event, 0)
			l.settle(t)
			k.reads = tt.resume
			c.Resume()
			l.settle(t)
			j.expect(t, tt.heard...)
		})
	}
}

func TestEOFOnceHoweverOftenTheKernelSaysIt(t *testing.T) {
	k := &kernel{reads: []answer{{0, 0}, {0, 0}}, peeks: []answer{{0, 0}, {0, 0}, {0, 0}}}
	l, j := fakeLoop(t, k), &journal{}
	c := l.adopt(new(Conn), 7, j, 0)
	for range 4 {
		c.ready(unix.EPOLLRDHUP|in|out, 0)
		c.Pause()
		c.Resume()
		l.settle(t)
	}
	j.expect(t, "eof")
}
