package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/gateway/config"
	"weir/upstream"
	"weir/upstream/discovery"
)

const (
	lookUpTimeout = 5 * time.Second // for all names
	lookUps       = 8               // at once
)

// A host is a name that the configuration holds.
type host struct {
	name  string
	where string // the first place that names it: "weir.yaml:3: upstream"
	srv   bool   // it is a service
	addrs []string
}

// names are those that a gateway would look up, each once.
func names(cfg *config.Config) []host {
	var all []host
	add := func(where, name string) {
		_, err := netip.ParseAddr(name)
		if name != "" && err != nil && !slices.ContainsFunc(all, func(h host) bool { return h.name == name }) {
			all = append(all, host{name: name, where: where})
		}
	}
	ofURL := func(where, text string) {
		if u, err := url.Parse(text); err == nil && text != "" {
			add(where, u.Hostname())
		}
	}
	listened := func(where string, addrs ...string) {
		for _, addr := range addrs {
			if name, _, err := net.SplitHostPort(addr); err == nil && !strings.HasPrefix(addr, "unix:") {
				add(where, name)
			}
		}
	}
	backends := func(where string, specs []upstream.Spec) {
		for _, s := range specs {
			if s.Source != upstream.SourceKubernetes {
				add(where, s.Host)
			}
			if s.Source == upstream.SourceSRV {
				all[slices.IndexFunc(all, func(h host) bool { return h.name == s.Host })].srv = true
			}
		}
	}
	listened(cfg.Place("listen"), cfg.Listen...)
	listened(cfg.Place("tls-listen"), cfg.TLSListen...)
	listened(cfg.Place("admin"), cfg.Admin)
	for _, r := range cfg.Routes {
		specs, _ := r.Config.Backends() // Load has checked them
		backends(r.Place("upstream"), specs)
		plain, _ := r.Config.HTTPBackends()
		backends(r.Place("http-upstream"), plain)
		ofURL(r.Place("auth-url"), r.Config.AuthURL)
		ofURL(r.Place("jwt-jwks-url"), r.Config.JWTJWKSURL)
	}
	if len(cfg.ACMEDomain) > 0 {
		ofURL(cfg.Place("acme-directory"), cfg.ACMEDirectory)
	}
	ofURL(cfg.Place("metrics-push-url"), cfg.MetricsPushURL)
	return all
}

// lookUp gives the hosts their addresses. The error is all that failed.
func lookUp(hosts []host, by upstream.Resolver) ([]host, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookUpTimeout)
	defer cancel()
	failed, slots := make([]error, len(hosts)), make(chan struct{}, lookUps)
	var running sync.WaitGroup
	for i := range hosts {
		slots <- struct{}{}
		running.Go(func() {
			h := &hosts[i]
			if failed[i] = h.lookUp(ctx, by); failed[i] != nil {
				failed[i] = fmt.Errorf("%s: %w", h.where, failed[i])
			}
			<-slots
		})
	}
	running.Wait()
	return hosts, errors.Join(failed...)
}

func (h *host) lookUp(ctx context.Context, by upstream.Resolver) error {
	if h.srv {
		targets, _, err := by.LookupSRV(ctx, h.name, discovery.Any)
		for _, t := range targets {
			h.addrs = append(h.addrs, t.Addr.String())
		}
		return err
	}
	answer, err := by.LookupIP(ctx, h.name, discovery.Any)
	for _, a := range answer.Addrs {
		h.addrs = append(h.addrs, a.String())
	}
	return err
}

func addresses(hosts []host, w io.Writer) {
	if len(hosts) == 0 {
		return
	}
	fmt.Fprintln(w, "\nNames, and their addresses now:")
	t := newTable(w)
	for _, h := range hosts {
		t.row(h.name, strings.Join(h.addrs, ", "))
	}
	t.Flush()
}
