package upstream

import (
	"context"
	"net/netip"

	"weir/upstream/discovery"
	"weir/upstream/discovery/kube"
)

func (o origin) service() kube.Service {
	s, _ := kube.ParseService(o.host, o.port) // ParseSpec has checked it
	return s
}

// chosen are the targets of the family that counts.
func (g *Group) chosen(targets []discovery.Target) []discovery.Target {
	return discovery.Choose(g.options.Family, targets, func(t discovery.Target) netip.Addr { return t.Addr.Addr() })
}

// first is what is told first of a Service.
func (g *Group) first(ctx context.Context, o origin) (found []discovery.Target, err error) {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	err = context.DeadlineExceeded
	told := false
	g.options.Kubernetes.Watch(ctx, o.service(), func(targets []discovery.Target, failed error) {
		if !told {
			told, found, err = true, g.chosen(targets), failed
		}
		enough()
	})
	return found, err
}

// follow listens to all origins that tell by themselves.
func (g *Group) follow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range g.supplies {
		if n.source != SourceKubernetes || n.stop != nil {
			continue
		}
		ctx, stop := context.WithCancel(g.ctx)
		n.stop = stop
		g.running.Go(func() {
			g.options.Kubernetes.Watch(ctx, n.service(), func(targets []discovery.Target, err error) {
				if ctx.Err() == nil {
					g.hear(n, g.chosen(targets), err)
				}
			})
		})
	}
}

// hear takes what an origin tells by itself.
func (g *Group) hear(n *supply, targets []discovery.Target, err error) {
	g.mu.Lock()
	if g.supplyOf(n.origin) != n {
		g.mu.Unlock()
		return // it is gone
	}
	n.answer(targets, 0, err)
	g.settle(n)
	g.publish(g.Endpoints())
	g.mu.Unlock()
	g.tellLookups()
	g.watch()
	select {
	case g.wake <- struct{}{}:
	default:
	}
}
