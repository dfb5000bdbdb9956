package gateway

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/admin"
	"weir/gateway/plan"
	"weir/gateway/session"
	"weir/upstream"
)

// operations are the gateway as the admin listener sees it.
type operations struct{ *Gateway }

var _ admin.Gateway = operations{}

// Token entitles to changes.
func (o operations) Token() string { return o.proc.Plan.Load().Config.AdminToken }

// Health is told to whoever checks it.
func (o operations) Health() admin.Health {
	h := admin.Health{Status: "healthy", Connections: o.proc.Admitted.Len()}
	if o.proc.Draining.Load() {
		h.Status = "draining"
	}
	return h
}

// Config is what is in force.
func (o operations) Config() any { return o.proc.Plan.Load().Config.Effective() }

// Reload reads the configuration again.
func (o operations) Reload() (any, error) { return o.Gateway.Reload() }

// Upgrade starts a successor.
func (o operations) Upgrade() (pid int, err error) {
	if o.onUpgrade == nil {
		return 0, errors.ErrUnsupported
	}
	return o.onUpgrade()
}

// WriteMetrics writes everything in Prometheus' text format.
func (o operations) WriteMetrics(w io.Writer) { o.writeMetrics(w) }

// CloseSessions ends those that are chosen.
func (o operations) CloseSessions(c admin.Choice, code ws.StatusCode) int {
	return o.shards.Close(session.Choice(c), code)
}

// RenewSessions lets those that are chosen last longer than their credential said.
func (o operations) RenewSessions(c admin.Choice, expires time.Time) int {
	return o.shards.Renew(session.Choice(c), expires)
}

// unresolved is the state of a backend whose name leads to no address.
const unresolved = "unresolved"

// Endpoints lists the backends of all routes.
func (o operations) Endpoints() []admin.Endpoint {
	list := []admin.Endpoint{}
	o.proc.Plan.Load().EachEndpoint(func(f *plan.Fleet, e *upstream.Endpoint) {
		state, reason, since := e.State()
		st := e.Stats()
		why, at := e.LastError()
		t, causes := e.Terms(), []string(nil)
		for _, c := range e.Causes() {
			causes = append(causes, c.String())
		}
		list = append(list, admin.Endpoint{Route: *f.Name.Load(), ID: endpointID(e), Endpoint: e.Name, Address: e.Addr.String(),
			Weight: t.Weight, Max: t.Max, Priority: t.Priority, Zone: t.Zone, State: state, Causes: causes, Reason: reason, Since: since, LastError: why, LastErrorAt: at, Protocol: e.Protocol(),
			Sessions: st.Active, Connects: st.Connects, ConnectFailures: st.ConnectFailures})
	})
	for _, f := range o.proc.Plan.Load().Fleets.All {
		for _, l := range f.Group.Lookups() {
			for _, name := range l.Backends {
				if !l.Known {
					list = append(list, admin.Endpoint{Route: *f.Name.Load(), Endpoint: name, State: unresolved, Reason: l.Error, Since: l.Since})
				}
			}
		}
	}
	return list
}

// endpointID is what calls name an endpoint by.
func endpointID(e *upstream.Endpoint) string { return fmt.Sprintf("%016x", e.ID()) }

// ChangeEndpoint changes those of an ID or a name by hand, and tells what they are now.
func (o operations) ChangeEndpoint(id string, change func(*upstream.Manual)) (now []admin.Endpoint, err error) {
	p := o.proc.Plan.Load()
	p.EachEndpoint(func(_ *plan.Fleet, e *upstream.Endpoint) {
		if endpointID(e) == id || e.Name == id {
			err = errors.Join(err, o.proc.ByHand.Change(e.Name, change))
		}
	})
	for _, f := range p.Fleets.All {
		f.Group.Apply()
	}
	for _, e := range o.Endpoints() {
		if e.ID == id || e.Endpoint == id {
			now = append(now, e)
		}
	}
	return now, err
}

// Summary counts sessions.
func (o operations) Summary() admin.Summary {
	sum := admin.Summary{PerEndpoint: map[string]int64{}, Draining: o.proc.Draining.Load(), Uptime: time.Since(o.started).Round(time.Second).String()}
	for _, st := range o.shards.Stats() {
		sum.Open += st.Talking
		sum.Ending += st.Ending
		sum.Connections += st.Sessions
		sum.PerLoop = append(sum.PerLoop, st.Sessions)
		sum.Opened += st.Opened
		sum.Cut += st.Cut
		sum.Buffered += st.Loop.Buffered
	}
	o.proc.Plan.Load().EachEndpoint(func(_ *plan.Fleet, e *upstream.Endpoint) { sum.PerEndpoint[e.Name] += e.Active() })
	return sum
}

// Ready tells why new sessions are not welcome; nil: they are.
func (g *Gateway) Ready() error {
	switch {
	case g.proc.Draining.Load():
		return errors.New("draining")
	case g.leaving.Load():
		return errors.New("replaced by a successor")
	case !g.servable():
		return errors.New("no healthy endpoint")
	}
	return nil
}

// servable tells whether any backend may be chosen.
func (g *Gateway) servable() bool {
	return slices.ContainsFunc(g.proc.Plan.Load().Fleets.All, (*plan.Fleet).Servable)
}
