package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"weir/gateway/admin"
	"weir/gateway/observe"
	"weir/gateway/session"
	"weir/internal/handover"
	"weir/netpoll"
)

// How a gateway leaves its place to a successor, another process that accepts from the same sockets: it stops accepting
// without closing anything, and goes on with the sessions that it has.

// PassOn gives what a successor is started with. The files are the caller's to close.
func (g *Gateway) PassOn() (s handover.State, listeners []*os.File, admin *os.File, err error) {
	g.starting.Lock()
	defer g.starting.Unlock()
	if g.proc.Draining.Load() || g.leaving.Load() {
		return s, nil, nil, errors.New("this process is ending already")
	}
	s.PID = os.Getpid()
	if g.proc.Plan.Load().Config.StickyKey == "" {
		s.StickyKey = g.proc.StickyKey
	}
	if s.Tickets, err = json.Marshal(g.proc.TicketSecrets); err != nil {
		return s, nil, nil, err
	}
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	for _, sh := range g.shards {
		var doors []*session.Listener
		if err := sh.Loop.Do(func() { doors = append(doors, sh.Listeners...) }); err != nil {
			return s, nil, nil, err
		}
		for _, d := range doors {
			f, err := d.Socket.File()
			if err != nil {
				return s, listeners, nil, err
			}
			listeners = append(listeners, f)
		}
	}
	if g.admin != nil {
		admin, err = g.admin.File()
	}
	return s, listeners, admin, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// Leave stops accepting, as a successor does so by now, and moves the admin listener to a unix socket at path. Handshakes
// under way go on; then sessions are closed over upgrade-drain, or last as long as they like. Wait tells when all have ended.
func (g *Gateway) Leave(path string) error {
	if g.proc.Draining.Load() || !g.leaving.CompareAndSwap(false, true) {
		return errors.New("this process is ending already")
	}
	var err error
	if g.admin != nil {
		err = g.admin.Move(path)
	}
	for _, sh := range g.shards {
		_ = sh.Loop.Do(func() {
			for _, d := range sh.Listeners {
				d.Socket.Leave()
			}
			sh.Listeners = nil
		})
	}
	g.proc.Log.Info("left: the successor accepts, open sessions go on here", "sessions", g.proc.Admitted.Len(), "admin", path)
	go func() {
		g.awaitHandshakes()
		g.drain(g.proc.Plan.Load().Config.UpgradeDrain)
	}()
	return err
}

// awaitHandshakes returns when every client that was accepted has its answer, or has had the time for it.
func (g *Gateway) awaitHandshakes() {
	look := time.NewTicker(leaveLook)
	defer look.Stop()
	for end := time.Now().Add(g.cfg.HandshakeTimeout); time.Now().Before(end); {
		if observe.Sum(g.stats(), func(st *observe.LoopStats) int { return st.Sessions - st.Talking }) == 0 {
			return
		}
		select {
		case <-look.C:
		case <-g.proc.Running.Done():
			return
		}
	}
}

// leaveLook is how often it is looked whether handshakes are over.
const leaveLook = 50 * time.Millisecond

// adminComesLater tells whether the admin address is still the predecessor's.
func (g *Gateway) adminComesLater() bool {
	in := g.inherited
	if in == nil || in.Admin == nil {
		return false
	}
	at, err := netpoll.ListensOn(int(in.Admin.Fd()))
	if err != nil {
		return false
	}
	addr, err := listenAddr(g.cfg.Admin)
	if err != nil {
		return false
	}
	_, same := among([]netpoll.Addr{addr}, at)
	return same
}

// Succeed is told when the predecessor has left. Its admin listener is ours from now on.
func (g *Gateway) Succeed(p handover.Predecessor) error {
	g.starting.Lock()
	defer g.starting.Unlock()
	if p.PID != 0 {
		g.predecessor.Store(&p)
	}
	if g.inherited == nil || g.inherited.Admin == nil {
		return nil
	}
	defer g.inherited.Admin.Close()
	if g.admin != nil || g.proc.Draining.Load() {
		return nil
	}
	ln, err := net.FileListener(g.inherited.Admin)
	if err != nil {
		return fmt.Errorf("admin: the listener of the process before: %w", err)
	}
	g.admin = admin.Serve(ln, operations{g}, g.proc.Log)
	return nil
}

// predecessorSessions asks the process before this one how many sessions it still has; ok is false where there is none.
func (g *Gateway) predecessorSessions() (pid, open int, ok bool) {
	p := g.predecessor.Load()
	if p == nil || p.Admin == "" {
		return 0, 0, false
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.Admin)
	}}
	client := &http.Client{Transport: transport, Timeout: time.Second}
	answer, err := client.Get("http://localhost/sessions")
	if err != nil {
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
			g.predecessor.CompareAndSwap(p, nil) // it has ended
		}
		return 0, 0, false
	}
	defer answer.Body.Close()
	var sum struct{ Open int }
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&sum) != nil {
		return 0, 0, false
	}
	return p.PID, sum.Open, true
}
