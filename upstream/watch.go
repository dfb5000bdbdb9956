package upstream

import (
	"context"
	"slices"
)

// watch starts checks for members that have none and ends those of former ones.
func (g *Group) watch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.watching {
		return
	}
	members := g.Endpoints()
	for e, stop := range g.watchers {
		if !slices.Contains(members, e) {
			stop()
			delete(g.watchers, e)
		}
	}
	for _, e := range members {
		if g.watchers[e] != nil {
			continue
		}
		ctx, stop := context.WithCancel(g.ctx)
		g.watchers[e] = stop
		first := e.vitals.untilCheck(g.options.Health.Interval)
		g.running.Go(func() {
			g.options.Health.Run(ctx, e.Name, first, g.slots, newProbe(e, g.options.Health), e.check)
		})
	}
}

// unwatch ends all checks.
func (g *Group) unwatch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watching = false
	for e, stop := range g.watchers {
		stop()
		delete(g.watchers, e)
	}
}

// changed is called under an endpoint's lock, perhaps on an event loop.
func (g *Group) changed(e *Endpoint, healthy bool, reason string) {
	if g.options.OnChange != nil {
		g.tell(func() { g.options.OnChange(e, healthy, reason) })
	}
}

// leaves is called under an endpoint's lock, or the group's.
func (g *Group) leaves(e *Endpoint, why Cause) {
	if g.options.OnLeave != nil {
		g.tell(func() { g.options.OnLeave(e, why) })
	}
}

// lost is called on a timer's goroutine.
func (g *Group) lost(e *Endpoint, connections, sessions int, reason string) {
	if g.options.OnLost != nil {
		g.tell(func() { g.options.OnLost(e, connections, sessions, reason) })
	}
}

// tell leaves a call for tellAll and never waits.
func (g *Group) tell(notice func()) {
	select {
	case g.notices <- notice:
	default:
	}
}

func (g *Group) tellAll() {
	for {
		select {
		case <-g.ctx.Done():
			return
		case notice := <-g.notices:
			notice()
		}
	}
}
