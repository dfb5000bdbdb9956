package plan

import (
	"cmp"
	"context"

	"weir/gateway/config"
	"weir/upstream"
	"weir/upstream/discovery"
	"weir/upstream/discovery/kube"
)

// A cluster is Kubernetes, as a kubeconfig leads to it. The process has one client to each.
type cluster struct{ kubeconfig string }

func (c cluster) client() (*kube.Client, error) {
	return kube.Shared(kube.Options{Kubeconfig: c.kubeconfig})
}

// known tells what is wrong with how the cluster is found. It does not connect.
func (c cluster) known() error {
	if _, err := c.client(); err != nil {
		return &config.KnobError{Knob: cmp.Or(map[bool]string{true: "kubeconfig"}[c.kubeconfig != ""], "upstream"), Err: err}
	}
	return nil
}

// Watch is the client's.
func (c cluster) Watch(ctx context.Context, s kube.Service, changed func([]discovery.Target, error)) {
	client, err := c.client()
	if err != nil {
		changed(nil, err)
		<-ctx.Done()
		return
	}
	client.Watch(ctx, s, changed)
}

func inKubernetes(s upstream.Spec) bool { return s.Source == upstream.SourceKubernetes }

// admits tells why a backend that a file lists may not be one.
func admits(cfg *config.Config, s upstream.Spec) error {
	if inKubernetes(s) {
		if _, err := (cluster{cfg.Kubeconfig}).client(); err != nil {
			return err
		}
	}
	return cfg.Admits(s)
}
