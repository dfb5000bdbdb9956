package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"weir/gateway/admin"
	"weir/gateway/listen"
	"weir/gateway/observe"
	"weir/internal/handover"
	"weir/netpoll"
	"weir/upstream"
)

// How a gateway leaves its place to a successor, another process that accepts from the same sockets: it stops accepting
// without closing anything, and goes on with the sessions that it has.

// takeOver goes on with the keys that the process before made at its start, and with what was changed there by hand.
func (g *Gateway) takeOver() error {
	if g.inherited == nil {
		return nil
	}
	s := &g.inherited.State
	if len(s.StickyKey) > 0 && g.cfg.StickyKey == "" {
		g.proc.StickyKey = s.StickyKey
	}
	byHand := map[string]upstream.Manual{}
	if len(s.Endpoints) > 0 {
		if err := json.Unmarshal(s.Endpoints, &byHand); err != nil {
			return err
		}
	}
	g.proc.ByHand.Take(byHand)
	if len(s.Tickets) == 0 {
		return nil
	}
	return json.Unmarshal(s.Tickets, g.proc.TicketSecrets)
}

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
	if s.Endpoints, err = json.Marshal(g.proc.ByHand.All()); err != nil {
		return s, nil, nil, err
	}
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	if listeners, err = g.listeners.Files(); err != nil {
		return s, listeners, nil, err
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
	g.listeners.Leave()
	g.proc.Log.Info("replaced: the successor accepts clients, open sessions go on here", "sessions", g.proc.Admitted.Len(), "admin", path)
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
		if observe.Sum(g.shards.Stats(), func(st *observe.LoopStats) int { return st.Sessions - st.Talking }) == 0 {
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
	addr, err := listen.Resolve(g.cfg.Admin)
	if err != nil {
		return false
	}
	_, same := listen.Among([]netpoll.Addr{addr}, at)
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
	open, err := p.Sessions()
	if errors.Is(err, handover.ErrEnded) {
		g.predecessor.CompareAndSwap(p, nil)
	}
	return p.PID, open, err == nil
}
