package kube_test

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"weir/upstream/discovery/kube"
)

func TestConditions(t *testing.T) {
	yes, no := new(true), new(false)
	for _, test := range []struct {
		ready, serving, terminating *bool
		taken, leaving              bool
		what                        string
	}{
		{nil, nil, nil, true, false, "nothing is said"},
		{yes, yes, no, true, false, "a pod that is ready"},
		{yes, nil, nil, true, false, "written before there were more conditions"},
		{no, no, no, false, false, "a pod that is not ready"},
		{no, nil, nil, false, false, "the same, written before there were more conditions"},
		{no, yes, yes, true, true, "a pod that terminates and is ready"},
		{no, nil, yes, true, true, "serving is the default"},
		{no, no, yes, false, true, "a pod that terminates and is not ready"},
		{yes, no, no, true, false, "publishNotReadyAddresses"},
		{yes, no, yes, true, true, "publishNotReadyAddresses, of a pod that terminates"},
	} {
		taken, leaving := kube.Admitted(discoveryv1.EndpointConditions{Ready: test.ready, Serving: test.serving, Terminating: test.terminating})
		if taken != test.taken || taken && leaving != test.leaving {
			t.Errorf("%s: a target %v, leaving %v", test.what, taken, leaving)
		}
	}
}

// zoned gives an endpoint a zone and hints.
func zoned(s *discoveryv1.EndpointSlice, i int, zone string, hints ...string) {
	s.Endpoints[i].Zone = &zone
	for _, h := range hints {
		if s.Endpoints[i].Hints == nil {
			s.Endpoints[i].Hints = &discoveryv1.EndpointHints{}
		}
		s.Endpoints[i].Hints.ForZones = append(s.Endpoints[i].Hints.ForZones, discoveryv1.ForZone{Name: h})
	}
}

func zones(all ...*discoveryv1.EndpointSlice) (found []string) {
	reduced := kube.Slices{}
	for _, s := range all {
		reduced[s.Name] = kube.ReduceSlice(s)
	}
	for _, t := range kube.TargetsOf(reduced, "ws") {
		found = append(found, t.Zone)
	}
	return found
}

func TestZones(t *testing.T) {
	s := slice("one", "10.0.0.1", "10.0.0.2", "!10.0.0.3", "10.0.0.4")
	if got := zones(s); !slices.Equal(got, []string{"", "", "", ""}) {
		t.Errorf("without zones: %q", got)
	}
	for i, zone := range []string{"a", "b", "c", "d"} {
		zoned(s, i, zone)
	}
	if got := zones(s); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("without hints: %q", got)
	}
	zoned(s, 0, "a", "b")
	if got := zones(s); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("one has a hint: %q", got)
	}
	zoned(s, 1, "b", "a", "b")
	zoned(s, 3, "d", "e", "f")
	// Those that leave have no hints.
	if got := zones(s); !slices.Equal(got, []string{"b", "b", "c", "e"}) {
		t.Errorf("all have hints: %q", got)
	}
	two := slice("two", "10.0.0.5")
	zoned(two, 0, "z")
	if got := zones(s, two); !slices.Equal(got, []string{"a", "b", "c", "d", "z"}) {
		t.Errorf("those of another slice have none: %q", got)
	}
}

func TestDuplicates(t *testing.T) {
	one, two := kube.ReduceSlice(slice("one", "!10.0.0.1", "10.0.0.2")), kube.ReduceSlice(slice("two", "10.0.0.1", "!10.0.0.2"))
	for _, all := range []kube.Slices{{"one": one, "two": two}, {"one": two, "two": one}} {
		if got := texts(kube.TargetsOf(all, "ws")); !slices.Equal(got, []string{"10.0.0.1:8080", "10.0.0.2:8080"}) {
			t.Errorf("got %v", got)
		}
	}
}

func TestSliceOddities(t *testing.T) {
	s := slice("one", "10.0.0.1", "not-an-address", "::ffff:10.0.0.2", "10.0.0.3")
	s.AddressType = discoveryv1.AddressTypeIPv4
	s.Endpoints[0].Addresses = append(s.Endpoints[0].Addresses, "10.0.9.9")
	s.Endpoints[3].Addresses = nil
	s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: new("none")}, discoveryv1.EndpointPort{Name: new("bad"), Port: new(int32(70000))},
		discoveryv1.EndpointPort{Name: new("udp"), Port: new(int32(53)), Protocol: new(corev1.ProtocolUDP)})
	reduced := kube.Slices{"one": kube.ReduceSlice(s)}
	if got := texts(kube.TargetsOf(reduced, "ws")); !slices.Equal(got, []string{"10.0.0.1:8080", "10.0.0.2:8080"}) {
		t.Errorf("got %v", got)
	}
	for _, port := range []string{"none", "bad", "udp", ""} {
		if got := kube.TargetsOf(kube.Slices{"one": kube.ReduceSlice(s)}, port); got == nil || len(got) > 0 {
			t.Errorf("port %q: %v", port, got)
		}
	}
}

func TestManyTargets(t *testing.T) {
	all := kube.Slices{}
	for i := range 6 {
		s := slice("x")
		for j := range 1000 {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", i, j/250, j%250)}})
		}
		all[fmt.Sprint(i)] = kube.ReduceSlice(s)
	}
	got := kube.TargetsOf(all, "ws")
	if len(got) != kube.MaxTargets || got[0].Addr.String() != "10.0.0.0:8080" {
		t.Errorf("%d targets from %v on", len(got), got[0].Addr)
	}
}

func TestFindPort(t *testing.T) {
	s := service("80:9000", "ws:80", "udp:53")
	s.Spec.Ports[2].Protocol = corev1.ProtocolUDP
	p := kube.ReducedPorts(s)
	for port, want := range map[string]string{"80": "ws", "9000": "80", "ws": "ws", "53": "-", "udp": "-", "": "-"} {
		name, ok := p.Find(port)
		if !ok {
			name = "-"
		}
		if name != want {
			t.Errorf("port %q is %q, want %q", port, name, want)
		}
	}
}
