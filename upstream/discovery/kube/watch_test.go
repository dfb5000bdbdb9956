package kube_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"

	"weir/upstream/discovery"
	"weir/upstream/discovery/kube"
)

// both runs a test with either version of HTTP that API servers, and proxies before them, speak.
func both(t *testing.T, f func(t *testing.T, a *apiServer, http2 bool)) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) { f(t, newAPIServer(t, http2), http2) })
	}
}

func TestWatchTellsWholeSets(t *testing.T) {
	both(t, func(t *testing.T, a *apiServer, _ bool) {
		names := slice("names")
		names.AddressType, names.Endpoints = discoveryv1.AddressTypeFQDN, []discoveryv1.Endpoint{{Addresses: []string{"a.example.com"}}}
		a.put(service("ws:80"), slice("one", "10.0.0.1", "10.0.0.2"), slice("two", "10.0.0.2", "?10.0.0.3"), slice("six", "fd00::1"), names)
		k := watch(t, client(t, a), "ws")
		k.set("10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080")
		a.put(slice("two", "10.0.0.3"))
		k.set("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080", "[fd00::1]:8080")
		a.put(slice("three", "10.0.0.4"))
		k.set("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080", "10.0.0.4:8080", "[fd00::1]:8080")
		a.remove(slice("one"), slice("three"), slice("six"))
		k.set("10.0.0.3:8080")
		a.remove(slice("two"))
		k.set()
	})
}

func TestPort(t *testing.T) {
	a := newAPIServer(t, true)
	a.put(service("http:80", "ws:9000", "admin:9090"), slice("one", "10.0.0.1"))
	c := client(t, a)
	watch(t, c, "ws").set("10.0.0.1:8080")
	watch(t, c, "9000").set("10.0.0.1:8080")
	watch(t, c, "admin").set() // no slice has it (yet)
	watch(t, c, "8080").wrong(`the Service default/chat has no TCP port "8080"`, "80 (http), 9000 (ws), 9090 (admin)")
	watch(t, c, "not a port").wrong(`"not a port" cannot be a port`)

	k := watch(t, c, "80")
	k.set()
	a.put(service("ws:80")) // now the number is another port's
	k.set("10.0.0.1:8080")
	a.put(service("ws:81"))
	k.wrong(`no TCP port "80"`, "81 (ws)")
	a.put(service("ws:80"))
	k.set("10.0.0.1:8080")
}

func TestPortWithoutName(t *testing.T) {
	a := newAPIServer(t, true)
	headless := service("9000")
	headless.Spec.ClusterIP = "None"
	one := slice("one", "10.0.0.1")
	one.Ports[0].Name = nil
	a.put(headless, one)
	watch(t, client(t, a), "9000").set("10.0.0.1:8080")
}

func TestServiceThatComesAndGoes(t *testing.T) {
	a := newAPIServer(t, true)
	k := watch(t, client(t, a), "80")
	k.wrong(`there is no Service "chat" in the namespace "default"`)
	a.put(slice("one", "10.0.0.1"))
	a.put(service("ws:80"))
	k.set("10.0.0.1:8080")
	a.remove(service("ws:80"))
	k.wrong("there is no Service")
	external := service("ws:80")
	external.Spec.Type = "ExternalName"
	a.put(external)
	k.wrong("ExternalName", "name its external host")
}

func TestRollingUpdate(t *testing.T) {
	a := newAPIServer(t, true)
	a.put(service("ws:80"), slice("one", "10.0.0.1", "10.0.0.2"))
	k := watch(t, client(t, a), "ws")
	k.set("10.0.0.1:8080", "10.0.0.2:8080")
	for _, step := range []struct{ slice, told string }{
		{"10.0.0.1 10.0.0.2 ?10.0.0.3", ""},
		{"10.0.0.1 10.0.0.2 10.0.0.3", "10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080"},
		{"!10.0.0.1 10.0.0.2 10.0.0.3", "!10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080"},
		{"10.0.0.2 10.0.0.3", "10.0.0.2:8080 10.0.0.3:8080"},
		{"!10.0.0.2 10.0.0.3", "!10.0.0.2:8080 10.0.0.3:8080"},
		{"10.0.0.3", "10.0.0.3:8080"},
	} {
		a.put(slice("one", strings.Fields(step.slice)...))
		if step.told != "" {
			k.set(strings.Fields(step.told)...)
		}
	}
}

// TestEndpointThatMovesBetweenSlices sees no set without it, though the API tells of one slice after the other.
func TestEndpointThatMovesBetweenSlices(t *testing.T) {
	a := newAPIServer(t, true)
	a.put(service("ws:80"), slice("one", "10.0.0.1", "10.0.0.2"), slice("two"))
	k := watch(t, client(t, a), "ws")
	k.set("10.0.0.1:8080", "10.0.0.2:8080")
	a.put(slice("one", "10.0.0.1"))
	a.put(slice("two", "10.0.0.2", "10.0.0.3"))
	k.set("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080")
}

func TestWatchIsShared(t *testing.T) {
	a := newAPIServer(t, true)
	a.put(service("ws:80"), slice("one", "10.0.0.1"))
	c := client(t, a)
	k1, k2, k3 := watch(t, c, "ws"), watch(t, c, "80"), watch(t, c, "80")
	for _, k := range []*taker{k1, k2, k3} {
		k.set("10.0.0.1:8080")
	}
	k1.stop()
	a.put(slice("one", "10.0.0.2"))
	k2.set("10.0.0.2:8080")
	k3.set("10.0.0.2:8080")
	if len(a.requests) != 4 {
		t.Errorf("the server was asked %v", a.requests)
	}
	k2.stop()
	k3.stop()
	a.await("all watches have ended", func() bool { return a.watches["services"]+a.watches["endpointslices"] == 0 })
	watch(t, c, "ws").set("10.0.0.2:8080")
}

// TestGoroutines counts what a Service costs that is watched, over one connection.
func TestGoroutines(t *testing.T) {
	a := newAPIServer(t, true)
	c := client(t, a)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	const services = 50
	told := make(chan error, 10*services)
	for i := range services {
		for range 3 {
			s := kube.Service{Namespace: "default", Name: fmt.Sprintf("s%d", i), Port: "80"}
			running.Go(func() { c.Watch(ctx, s, func(_ []discovery.Target, err error) { told <- err }) })
		}
	}
	for range 3 * services {
		<-told
	}
	a.await("all are watched", func() bool { return a.watches["services"] == services && a.watches["endpointslices"] == services })
	// Three callers, and for either resource a reflector, its resync, a reader, a stream, and the handler of the server.
	if n := runtime.NumGoroutine() - before; n > 20*services {
		t.Errorf("%d goroutines for %d Services", n, services)
	} else {
		t.Logf("%d goroutines for %d Services, the server's among them", n, services)
	}
	cancel()
	running.Wait()
	a.await("no watch is open", func() bool { return a.watches["services"]+a.watches["endpointslices"] == 0 })
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		what   string
		status int
		says   []string
	}{
		{"services", http.StatusForbidden, []string{`refuses services in the namespace "default"`,
			`apiGroups: [""], resources: [services], verbs: [get, list, watch]`}},
		{"endpointslices", http.StatusForbidden, []string{`apiGroups: ["discovery.k8s.io"], resources: [endpointslices]`}},
		{"watch endpointslices", http.StatusForbidden, []string{`resources: [endpointslices], verbs: [get, list, watch]`}},
		{"endpointslices", http.StatusUnauthorized, []string{"does not accept the credentials"}},
		{"endpointslices", http.StatusNotFound, []string{"does not know endpointslices", "Kubernetes 1.21"}},
		{"services", http.StatusInternalServerError, []string{"failed: ", "services is refused with 500"}},
		{"watch services", http.StatusServiceUnavailable, []string{"failed: "}},
		{"endpointslices", http.StatusTooManyRequests, []string{"failed: "}},
		{"watch endpointslices", http.StatusTooManyRequests, []string{"failed: "}},
		{"watch services", -1, []string{"cannot be reached: the stream was reset: INTERNAL_ERROR"}},
	} {
		t.Run(fmt.Sprintf("%s %d", test.what, test.status), func(t *testing.T) {
			a := newAPIServer(t, true)
			a.put(service("ws:80"), slice("one", "10.0.0.1"))
			a.refuse(test.what, test.status)
			k := watch(t, client(t, a), "ws")
			n := k.next()
			if n.err == nil && strings.HasPrefix(test.what, "watch") {
				n = k.next() // after what was listed
			}
			for _, want := range test.says {
				if n.err == nil || !strings.Contains(n.err.Error(), want) {
					t.Fatalf("told %v, want an error with %q", n, want)
				}
			}
			// It is tried again and again, and told once.
			before := 0
			a.await("", func() bool { before = len(a.requests); return true })
			a.await("it was tried again", func() bool { return len(a.requests) > before+3 })
			a.refuse(test.what, 0)
			k.set("10.0.0.1:8080")
		})
	}
}
