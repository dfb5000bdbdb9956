package accept

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Listener yields the sessions of all connections that its listener accepts.
type Listener struct {
	// Immutable.
	ln      net.Listener
	options Options
	waiting chan *Conn
	done    chan struct{} // closed when no more sessions come

	// Any goroutine.
	goroutines sync.WaitGroup
	finish     sync.Once
	mu         sync.Mutex
	carriers   map[*carrier]struct{}
	closing    bool
	err        error // of the listener, for whoever accepts
}

// Listen is [New] on an address, with the default options.
func Listen(network, addr string) (*Listener, error) {
	ln, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	return New(ln, Options{}), nil
}

// New takes over ln, which may be bounded or wrapped as its caller likes, and serves HTTP/2 on what it accepts.
func New(ln net.Listener, o Options) *Listener {
	o = o.withDefaults()
	l := &Listener{ln: ln, options: o, waiting: make(chan *Conn, o.Backlog), done: make(chan struct{}),
		carriers: make(map[*carrier]struct{}), err: net.ErrClosed}
	l.goroutines.Go(l.listen)
	return l
}

// listen accepts connections. What passes, as a want of descriptors, is waited for; what lasts is told by Accept.
func (l *Listener) listen() {
	for {
		conn, err := l.ln.Accept()
		if err == nil {
			l.start(conn)
			continue
		}
		l.mu.Lock()
		closing := l.closing
		l.mu.Unlock()
		if closing {
			return
		}
		if passing := net.Error(nil); !errors.As(err, &passing) || !passing.Temporary() {
			l.mu.Lock()
			l.err = err
			l.mu.Unlock()
			l.end()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (l *Listener) start(conn net.Conn) {
	ca := newCarrier(l, conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		_ = conn.Close()
		return
	}
	l.carriers[ca] = struct{}{}
	l.goroutines.Go(ca.receive)
	l.goroutines.Go(ca.flush)
}

func (l *Listener) remove(ca *carrier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.carriers, ca)
}

// Accept waits for the next session; the net.Conn is a *[Conn]. Requests that ask for no WebSocket are answered with
// 426. After Close or Shutdown the error is net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.next()
		switch {
		case err != nil:
			return nil, err
		case c.request.upgrade():
			return c, nil
		}
		_ = c.Refuse(http.StatusUpgradeRequired, nil, "This server takes WebSockets only.\n")
	}
}

// next is the next request of any kind that its sender still waits for.
func (l *Listener) next() (*Conn, error) {
	for {
		select {
		case c := <-l.waiting:
			if !c.gone() {
				return c, nil
			}
			_ = c.Close()
		case <-l.done:
			l.mu.Lock()
			defer l.mu.Unlock()
			return nil, l.err
		}
	}
}

// Addr is the address of the listener below.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Close ends the listener and all sessions at once.
func (l *Listener) Close() error {
	_, err := l.stop()
	l.end()
	for _, ca := range l.all() {
		ca.lose(net.ErrClosed)
	}
	l.goroutines.Wait()
	return err
}

// Shutdown takes no new connections, asks the peers for no new sessions (GOAWAY), and waits until those there are have
// ended; Accept goes on meanwhile, for requests that were on their way. When ctx ends first, it does what Close does
// and returns ctx's error.
func (l *Listener) Shutdown(ctx context.Context) error {
	first, err := l.stop()
	if first {
		for _, ca := range l.all() {
			ca.drain()
		}
	}
	over := make(chan struct{})
	go func() { l.goroutines.Wait(); close(over) }()
	select {
	case <-over:
		l.end()
		return err
	case <-ctx.Done():
		_ = l.Close()
		<-over
		return ctx.Err()
	}
}

func (l *Listener) stop() (first bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false, nil
	}
	l.closing = true
	return true, l.ln.Close()
}

func (l *Listener) end() { l.finish.Do(func() { close(l.done) }) }

func (l *Listener) all() (list []*carrier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ca := range l.carriers {
		list = append(list, ca)
	}
	return list
}
