package config

import "testing"

// TestRouteNamesAllItsBackends: what the top level names beside is not added.
func TestRouteNamesAllItsBackends(t *testing.T) {
	c := loaded(t, `upstream: ws://10.0.0.1:1
upstream-file: all.yaml
routes:
  - {match: {host: a}, upstream: "ws://10.0.0.2:1"}
  - {match: {host: b}, upstream-file: own.yaml}
  - {match: {host: c}}
`)
	for i, want := range []struct{ urls, files int }{{1, 0}, {0, 1}, {1, 1}} {
		if r := c.Routes[i].Config; len(r.Upstream) != want.urls || len(r.UpstreamFile) != want.files {
			t.Errorf("%d: %v, %v", i, r.Upstream, r.UpstreamFile)
		}
	}
}
