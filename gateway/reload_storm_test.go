package gateway_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/admin"
	"weir/upstream/accept"
)

var (
	stormSessions = flag.Int("reload-sessions", 240, "sessions that talk while the configuration changes")
	stormReloads  = flag.Int("reloads", 100, "how often it changes")
)

// count is of one direction of a session: messages that begin with their number.
type count uint64

func (n *count) next(size int) []byte {
	b := make([]byte, 8+size)
	binary.BigEndian.PutUint64(b, uint64(*n))
	*n++
	return b
}

// check wants the message that comes behind the one before.
func (n *count) check(b []byte) error {
	if len(b) < 8 || binary.BigEndian.Uint64(b) != uint64(*n) {
		return fmt.Errorf("message %d came as %x", *n, b[:min(len(b), 8)])
	}
	*n++
	return nil
}

// storm is what happens around the reloads.
type storm struct {
	*rig
	t       *testing.T
	ca      *authority
	certs   []string
	tunnel  string   // a backend's host and port
	pooled  string   // another's, over HTTP/2
	more    []string // backends that come and go
	wrong   chan error
	refused atomic.Int64
	tried   atomic.Int64
}

// serve answers the count messages of one session by their echo and a count message of its own.
func (s *storm) serve(conn net.Conn) {
	defer conn.Close()
	var in, out count
	for {
		f, err := ws.ReadFrame(conn)
		if err != nil {
			return
		}
		if f = ws.UnmaskFrameInPlace(f); f.Header.OpCode == ws.OpClose {
			_ = ws.WriteFrame(conn, ws.NewCloseFrame(f.Payload))
			return
		}
		if err := in.check(f.Payload); err != nil {
			s.fails("at the backend: %w", err)
			return
		}
		both := append(ws.MustCompileFrame(ws.NewTextFrame(f.Payload)), ws.MustCompileFrame(ws.NewBinaryFrame(out.next(len(f.Payload)/2)))...)
		if _, err := conn.Write(both); err != nil {
			return
		}
	}
}

func (s *storm) fails(format string, args ...any) {
	select {
	case s.wrong <- fmt.Errorf(format, args...):
	default:
	}
}

// listen runs a backend, each session of which it gives to serve.
func (s *storm) listen(pooled bool) string {
	listen, begin := net.Listen, func(conn net.Conn) error {
		_, err := ws.Upgrader{}.Upgrade(conn)
		return err
	}
	if pooled {
		listen = func(network, addr string) (net.Listener, error) { return accept.Listen(network, addr) }
		begin = func(conn net.Conn) error { return conn.(*accept.Conn).Respond(nil) }
	}
	l, err := listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if begin(conn) != nil {
					_ = conn.Close()
					return
				}
				s.serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// config is another one for each n: routes, limits, backends and certificates.
func (s *storm) config(n int) string {
	other := s.more[n%len(s.more)]
	text := "\ntls-listen: 127.0.0.1:0\nhash-on: random\nhttp: false\n" +
		fmt.Sprintf("tls-cert: ['%s.pem']\ntls-key: ['%s.key']\n", s.certs[n%len(s.certs)], s.certs[n%len(s.certs)]) +
		fmt.Sprintf("message-rate: %d/s\nmax-message-size: %d\nconnection-rate: %d/s\nidle-timeout: %ds\n", 100_000+n, 1<<20+n, 1_000_000+n, 100+n%7)
	return text + fmt.Sprintf("routes: [{name: tunnel, match: {path-prefix: /tunnel}, close-timeout: 10s, health-interval: %dms, upstream: ['ws://%s', 'ws://%s#weight=%d']}, "+
		"{name: pooled, match: {path-prefix: /pooled}, upstream: ['h2c://%s'], connect-retries: %d, close-timeout: 10s, health-interval: 500ms}, "+
		"{name: number-%d, match: {path: /%d}, upstream: ['ws://%s']}]", 500+n%2, s.tunnel, other, 1+n%9, s.pooled, 1+n%3, n%16, n, other)
}

// dial opens a session, over TLS or not.
func (s *storm) dial(path string, secure bool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	addrs := s.Addrs()
	d, url := ws.Dialer{Timeout: patience}, "ws://"+addrs[0].String()
	if secure {
		d.TLSConfig, url = &tls.Config{RootCAs: s.ca.pool, ServerName: "weir.test"}, "wss://"+addrs[1].String()
	}
	conn, early, _, err := d.Dial(ctx, url+path)
	if early != nil {
		return nil, errors.New("bytes before the first message")
	}
	return conn, err
}

// road is how session i goes.
func stormRoad(i int) (path string, secure bool) {
	return [...]string{"/tunnel", "/pooled"}[i%2], i%3 == 0
}

// talker is one session from the client's side.
type talker struct {
	conn         net.Conn
	sent         count
	echoed, told count
	ended        chan error
}

func (s *storm) talk(i int) (*talker, error) {
	conn, err := s.dial(stormRoad(i))
	if err != nil {
		return nil, err
	}
	t := &talker{conn: conn, ended: make(chan error, 1)}
	go func() { t.ended <- t.listen() }()
	return t, nil
}

// listen checks what comes until the close frame.
func (t *talker) listen() error {
	for {
		f, err := ws.ReadFrame(t.conn)
		switch {
		case err != nil:
			return err
		case f.Header.OpCode == ws.OpClose:
			code, _ := ws.ParseCloseFrameData(f.Payload)
			if code != ws.StatusNormalClosure {
				return fmt.Errorf("closed with %d", code)
			}
			return nil
		case f.Header.OpCode == ws.OpText:
			err = t.echoed.check(f.Payload)
		default:
			err = t.told.check(f.Payload)
		}
		if err != nil {
			return err
		}
	}
}

func (t *talker) say(size int) error {
	return ws.WriteFrame(t.conn, ws.MaskFrameInPlace(ws.NewTextFrame(t.sent.next(size))))
}

// close says good-bye, and tells whether all that was said has been answered.
func (t *talker) close() error {
	defer t.conn.Close()
	if err := ws.WriteFrame(t.conn, ws.MaskFrameInPlace(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))); err != nil {
		return err
	}
	select {
	case err := <-t.ended:
		if err == nil && (t.echoed != t.sent || t.told != t.sent) {
			err = fmt.Errorf("%d messages sent, %d echoed, %d told", t.sent, t.echoed, t.told)
		}
		return err
	case <-time.After(patience):
		return errors.New("no answer to a close frame")
	}
}

// visit is one handshake of the storm, with a word each way.
func (s *storm) visit(i int) {
	s.tried.Add(1)
	t, err := s.talk(i)
	if err != nil {
		s.refused.Add(1)
		s.fails("a handshake: %w", err)
		return
	}
	if err = t.say(10); err == nil {
		err = t.close()
	}
	if err != nil {
		path, secure := stormRoad(i)
		s.fails("a visit of %s, TLS %t: %w, after %d echoed, %d told", path, secure, err, t.echoed, t.told)
	}
}

// run has sessions talk and handshakes come while during runs. Then all are closed.
func (s *storm) run(sessions int, during func()) {
	s.t.Helper()
	talkers := make([]*talker, sessions)
	for i := range talkers {
		var err error
		if talkers[i], err = s.talk(i); err != nil {
			s.t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	running := func() bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	var busy sync.WaitGroup
	const hands = 8
	for h := range hands {
		busy.Go(func() { // each lets its share of the sessions speak in turn, some 2,500 a second in all
			for running() {
				for i := h; i < sessions; i += hands {
					if err := talkers[i].say(i % 3000); err != nil {
						s.fails("session %d: %w", i, err)
						return
					}
				}
				time.Sleep(time.Duration(sessions) * 400 * time.Microsecond)
			}
		})
	}
	for h := range 3 {
		busy.Go(func() {
			for i := h; running(); i++ {
				s.visit(i)
			}
		})
	}
	during()
	close(stop)
	busy.Wait()
	for i, t := range talkers {
		if err := t.close(); err != nil {
			s.fails("session %d: %w", i, err)
		}
	}
	wantMetric(s.t, s.rig, "weir_client_connections", 0)
	wantMetric(s.t, s.rig, "weir_pool_streams", 0)
}

// change puts configuration n into force.
func (s *storm) change(n int) {
	s.next.Store(parse(s.t, s.config(n)))
	for {
		_, err := s.Reload()
		var busy *admin.BusyError
		if errors.As(err, &busy) { // visits of 16 configurations are under way
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			s.fails("reload %d: %w", n, err)
		}
		return
	}
}

// usage is what lives after a collection.
func usage() (heap, goroutines int) {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc) - gateway.BallastSize, runtime.NumGoroutine()
}

// TestReloadStorm changes everything a hundred times under sessions that talk and a storm of handshakes. No session is
// closed, no message lost, doubled or out of order, no handshake refused; and when the sessions have ended, what is
// left is what was there after the first reload. (It does not run beside others, as it counts goroutines.)
func TestReloadStorm(t *testing.T) {
	s := &storm{t: t, ca: newAuthority(t), wrong: make(chan error, 20)}
	dir := t.TempDir()
	for i := range 5 {
		s.certs = append(s.certs, filepath.Join(dir, fmt.Sprint(i)))
		s.ca.server(s.certs[i]+".pem", s.certs[i]+".key", "weir.test")
	}
	s.tunnel, s.pooled = s.listen(false), s.listen(true)
	for range 3 {
		s.more = append(s.more, s.listen(false))
	}
	s.rig = startReloading(t, s.config(0))
	const same = 5 * 3 * 2 * 9 * 7 * 16 // reloads later, certificates, backends and weights are the same
	s.change(same)
	s.run(*stormSessions, func() { time.Sleep(300 * time.Millisecond) })
	heap, goroutines := usage()

	began := time.Now()
	s.run(*stormSessions, func() {
		for n := range *stormReloads {
			s.change(n + 1)
			time.Sleep(30 * time.Millisecond)
		}
		s.change(2 * same)
	})
	t.Logf("%d reloads in %v under %d sessions and %d handshakes", *stormReloads+1, time.Since(began), *stormSessions, s.tried.Load())
	close(s.wrong)
	for err := range s.wrong {
		t.Error(err)
	}
	if n := s.refused.Load(); n > 0 {
		t.Errorf("%d handshakes were refused", n)
	}
	var grown, left int
	back := eventually(func() bool {
		grown, left = usage()
		return grown <= heap+heap/20+64<<10 && left <= goroutines+goroutines/20
	})
	t.Logf("heap %d KiB after the first reload, %d KiB after the last; goroutines %d and %d", heap>>10, grown>>10, goroutines, left)
	if !back {
		t.Error("more is left than after the first reload")
	}
}
