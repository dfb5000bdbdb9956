//go:build darwin || freebsd

package netpoll

import (
	"errors"
	"time"

	gneterrors "github.com/panjf2000/gnet/v2/pkg/errors"
	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
)

// poll runs the loop on gnet's Polling. The end of a batch is the event of our own wake pipe.
func (l *Loop) poll() error {
	err := l.poller.Polling(func(fd int, ev gnetpoll.IOEvent, flags gnetpoll.IOFlags) error {
		l.tick()
		l.event(fd, ev, flags)
		if l.later.armed && fd == l.wake.fd() {
			l.runDeferred()
		}
		l.stats.Busy += time.Since(l.epoch) - l.now
		if l.stopping {
			return gneterrors.ErrEngineShutdown
		}
		return nil
	})
	if errors.Is(err, gneterrors.ErrEngineShutdown) {
		return nil
	}
	return err
}
