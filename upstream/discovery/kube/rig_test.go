package kube_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"weir/upstream/discovery"
	"weir/upstream/discovery/kube"
)

// service makes a Service "chat" in the namespace "default" with ports like "ws:80", or "80".
func service(ports ...string) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "default"}}
	for _, port := range ports {
		name, number, named := strings.Cut(port, ":")
		if !named {
			name, number = "", port
		}
		p := corev1.ServicePort{Name: name, Protocol: corev1.ProtocolTCP}
		fmt.Sscan(number, &p.Port)
		s.Spec.Ports = append(s.Spec.Ports, p)
	}
	return s
}

// slice makes an EndpointSlice of "chat", whose port "ws" leads to 8080. Endpoints are addresses, with "!" before those
// that leave, "?" before those that are not ready.
func slice(name string, endpoints ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: name, Namespace: "default", Labels: map[string]string{discoveryv1.LabelServiceName: "chat"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("ws"), Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)}},
	}
	for _, text := range endpoints {
		addr := strings.TrimLeft(text, "!?")
		if strings.Contains(addr, ":") {
			s.AddressType = discoveryv1.AddressTypeIPv6
		}
		leaving, unready := strings.HasPrefix(text, "!"), strings.HasPrefix(text, "?")
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{addr}, Conditions: discoveryv1.EndpointConditions{
			Ready: new(!leaving && !unready), Serving: new(!unready), Terminating: new(leaving)}})
	}
	return s
}

// texts has the targets in the notation of slice.
func texts(targets []discovery.Target) []string {
	all := make([]string, len(targets))
	for i, t := range targets {
		all[i] = t.Addr.String()
		if t.Leaving {
			all[i] = "!" + all[i]
		}
	}
	return all
}

// A taker watches a Service.
type taker struct {
	t    *testing.T
	told chan told
	stop func() // ends the watch, and waits for that
}

type told struct {
	targets []discovery.Target
	err     error
}

func client(t *testing.T, a *apiServer) *kube.Client {
	t.Helper()
	c, err := kube.New(kube.Options{Kubeconfig: a.kubeconfig("{token: secret}")})
	if err != nil {
		t.Fatal(err)
	}
	c.Hasten()
	return c
}

func watch(t *testing.T, c *kube.Client, port string) *taker {
	ctx, cancel := context.WithCancel(context.Background())
	k := &taker{t: t, told: make(chan told, 1000)}
	var running sync.WaitGroup
	running.Go(func() {
		c.Watch(ctx, kube.Service{Namespace: "default", Name: "chat", Port: port}, func(targets []discovery.Target, err error) {
			if (targets == nil) == (err == nil) {
				t.Errorf("told %v and %v", targets, err)
			}
			k.told <- told{targets, err}
		})
	})
	k.stop = func() { cancel(); running.Wait() }
	t.Cleanup(k.stop)
	return k
}

// next is what is told next.
func (k *taker) next() told {
	k.t.Helper()
	select {
	case n := <-k.told:
		return n
	case <-time.After(20 * time.Second):
		k.t.Fatal("nothing was told")
		panic("")
	}
}

// set wants these targets next.
func (k *taker) set(want ...string) []discovery.Target {
	k.t.Helper()
	n := k.next()
	if n.err != nil || !slices.Equal(texts(n.targets), want) {
		k.t.Fatalf("got %v (%v), want %v", texts(n.targets), n.err, want)
	}
	return n.targets
}

// back wants these targets, perhaps after more causes why there were none.
func (k *taker) back(want ...string) {
	k.t.Helper()
	n := k.next()
	for n.err != nil {
		n = k.next()
	}
	if !slices.Equal(texts(n.targets), want) {
		k.t.Fatalf("got %v, want %v", texts(n.targets), want)
	}
}

// wrong wants an error next that says all of this.
func (k *taker) wrong(want ...string) {
	k.t.Helper()
	n := k.next()
	for _, w := range want {
		if n.err == nil || !strings.Contains(n.err.Error(), w) {
			k.t.Fatalf("got %v (%v), want an error with %q", texts(n.targets), n.err, w)
		}
	}
}
