package upstream_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/upstream"
	"weir/upstream/discovery"
	"weir/upstream/discovery/kube"
)

func at(addr string, weight, priority int) discovery.Target {
	return discovery.Target{Addr: netip.MustParseAddrPort(addr), Weight: weight, Priority: priority}
}

// terms has each endpoint's address, weight, priority, zone, and "!" if it leaves.
func terms(g *upstream.Group) string {
	var all []string
	for _, e := range g.Endpoints() {
		t := e.Terms()
		text := strings.Join([]string{e.Addr.String(), string(rune('0' + t.Weight%10)), string(rune('0' + t.Priority)), t.Zone}, "/")
		if e.Down(upstream.CauseLeaving) {
			text = "!" + text
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// Ports, weights and priorities are those of the records, unless the backend has its own.
func TestServiceRecords(t *testing.T) {
	const name = "_ws._tcp.chat.example.com"
	for _, tt := range []struct {
		backend string
		records []discovery.Target
		want    string
	}{
		{"ws+srv://" + name, []discovery.Target{at("10.0.0.1:9001", 2, 10), at("10.0.0.2:9002", 3, 10), at("10.0.0.3:9003", 1, 20)},
			"10.0.0.1:9001/2/0/ 10.0.0.2:9002/3/0/ 10.0.0.3:9003/1/1/"},
		{"ws+srv://" + name + "#weight=7&zone=a", []discovery.Target{at("10.0.0.1:9001", 2, 0), at("10.0.0.3:9003", 1, 20)},
			"10.0.0.1:9001/7/0/a 10.0.0.3:9003/7/1/a"},
		{"ws+srv://" + name + "#priority=5", []discovery.Target{at("10.0.0.1:9001", 2, 0), at("10.0.0.3:9003", 1, 20)},
			"10.0.0.1:9001/2/5/ 10.0.0.3:9003/1/5/"},
		{"ws+srv://" + name, []discovery.Target{at("10.0.0.1:9001", 0, 0), at("10.0.0.2:9001", 0, 0)}, "10.0.0.1:9001/1/0/ 10.0.0.2:9001/1/0/"},
	} {
		dns := &names{records: map[string][]discovery.Target{name: tt.records}}
		if got := terms(group(t, upstream.Options{Resolver: dns}, tt.backend)); got != tt.want {
			t.Errorf("%s: got %s", tt.backend, got)
		}
	}
	dns := &names{records: map[string][]discovery.Target{name: {at("10.0.0.1:9001", 0, 0), at("10.0.0.2:9001", 60000, 0), at("10.0.0.3:9001", 30000, 0)}}}
	g := group(t, upstream.Options{Resolver: dns}, "wss+srv://"+name)
	var weights []int
	for _, e := range g.Endpoints() {
		weights = append(weights, e.Terms().Weight)
	}
	if !slices.Equal(weights, []int{1, 1000, 500}) {
		t.Errorf("weights %v", weights)
	}
	e := g.Endpoints()[0]
	if e.Name != "wss+srv://"+name+"@10.0.0.1:9001" || e.Spec.Authority() != "chat.example.com" {
		t.Errorf("%s is told %s", e.Name, e.Spec.Authority())
	}
}

// An endpoint on other terms is the same one, and nothing befell it.
func TestOtherTermsAreNoOtherEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{ttl: 10 * time.Second, records: map[string][]discovery.Target{"_ws._tcp.a": {at("10.0.0.1:1", 2, 0), at("10.0.0.2:1", 2, 0)}}}
		g := group(t, upstream.Options{Resolver: dns, DNSInterval: time.Hour}, "ws+srv://_ws._tcp.a")
		g.Start()
		was := g.Endpoints()[0]
		was.Acquire()
		dns.mu.Lock()
		dns.records["_ws._tcp.a"] = []discovery.Target{at("10.0.0.1:1", 5, 7), at("10.0.0.3:1", 2, 3)}
		dns.mu.Unlock()
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if _, reason, _ := was.State(); g.Endpoints()[0] != was || terms(g) != "10.0.0.1:1/5/1/ 10.0.0.3:1/2/0/" || reason != "" {
			t.Errorf("%s, reason %q", terms(g), reason)
		}
	})
}

// A name is asked for again when its records have expired, between the floor and the ceiling.
func TestLookupsFollowTTL(t *testing.T) {
	for _, tt := range []struct{ ttl, floor, ceiling, every time.Duration }{
		{10 * time.Second, time.Second, time.Minute, 10 * time.Second},
		{time.Hour, time.Second, time.Minute, time.Minute},
		{time.Nanosecond, 5 * time.Second, time.Minute, 5 * time.Second},
		{time.Second, time.Minute, 30 * time.Second, 30 * time.Second}, // the ceiling goes first
	} {
		synctest.Test(t, func(t *testing.T) {
			dns := &names{ttl: tt.ttl}
			dns.set("app", "10.0.0.1")
			group(t, upstream.Options{Resolver: dns, DNSInterval: tt.ceiling, DNSMinTTL: tt.floor}, "ws://app").Start()
			time.Sleep(20 * tt.every)
			synctest.Wait()
			if n := dns.times(); n < 18 || n > 23 {
				t.Errorf("%+v: asked %d times", tt, n)
			}
		})
	}
}

// services is a Watcher whose answers a test changes.
type services struct {
	mu      sync.Mutex
	watches map[chan struct{}]bool
	targets []discovery.Target
	err     error
}

func (s *services) set(err error, targets ...discovery.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets, s.err = append([]discovery.Target{}, targets...), err
	for w := range s.watches {
		w <- struct{}{}
	}
}

func (s *services) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watches)
}

func (s *services) Watch(ctx context.Context, _ kube.Service, changed func([]discovery.Target, error)) {
	news := make(chan struct{}, 100)
	s.mu.Lock()
	if s.watches == nil {
		s.watches = map[chan struct{}]bool{}
	}
	s.watches[news] = true
	s.mu.Unlock()
	news <- struct{}{}
	defer func() {
		s.mu.Lock()
		delete(s.watches, news)
		s.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-news:
		}
		s.mu.Lock()
		targets, err := s.targets, s.err
		s.mu.Unlock()
		if err != nil {
			changed(nil, err)
		} else if targets != nil {
			changed(slices.Clone(targets), nil)
		}
	}
}

// TestServicesTellByThemselves walks a group through what Kubernetes tells of a Service.
func TestServicesTellByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := discovery.Target{Addr: netip.MustParseAddrPort("10.1.0.1:8080"), Zone: "a"}, discovery.Target{Addr: netip.MustParseAddrPort("10.1.0.2:8080"), Zone: "b"}
		six := discovery.Target{Addr: netip.MustParseAddrPort("[fd00::1]:8080")}
		var left []string
		var mu sync.Mutex
		kubernetes, heard := &services{}, &news{}
		kubernetes.set(nil, one, two, six)
		g := group(t, upstream.Options{Kubernetes: kubernetes, EmptyHold: 5 * time.Minute, OnResolve: heard.hear,
			OnLeave: func(e *upstream.Endpoint, why upstream.Cause) {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, e.Addr.String()+" "+why.String())
			}}, "ws+k8s://chat.prod:ws")
		expect := func(want string, told ...string) {
			t.Helper()
			synctest.Wait()
			if got := terms(g); got != want {
				t.Fatalf("members %s, want %s", got, want)
			}
			if got := heard.take(); !slices.Equal(got, told) {
				t.Fatalf("told %q", got)
			}
		}
		const both = "10.1.0.1:8080/1/0/a 10.1.0.2:8080/1/0/b"
		if terms(g) != both || kubernetes.open() != 0 {
			t.Errorf("at first %s, %d watches", terms(g), kubernetes.open())
		}
		g.Start()
		expect(both, "chat.prod:ws [10.1.0.1:8080 10.1.0.2:8080] failed=false")
		first := g.Endpoints()[0]
		if first.Name != "ws+k8s://chat.prod:ws@10.1.0.1:8080" {
			t.Errorf("name %s", first.Name)
		}
		first.Acquire()

		leaving := one
		leaving.Leaving = true
		kubernetes.set(nil, leaving, two)
		expect("!"+both, "chat.prod:ws [10.1.0.1:8080 10.1.0.2:8080] failed=false")
		for key := range uint64(20) {
			if e, _ := g.Pick(key, nil); e == first {
				t.Fatal("one that leaves got a session")
			}
		}
		if state, _, _ := first.State(); state != upstream.Leaving || first.Active() != 1 || g.Endpoints()[0] != first {
			t.Errorf("state %s", state)
		}
		kubernetes.set(nil, one, two)
		expect(both, "chat.prod:ws [10.1.0.1:8080 10.1.0.2:8080] failed=false")
		kubernetes.set(errors.New("away"))
		time.Sleep(time.Hour)
		expect(both, "chat.prod:ws [10.1.0.1:8080 10.1.0.2:8080] failed=true")
		kubernetes.set(nil, two)
		expect("10.1.0.2:8080/1/0/b", "chat.prod:ws [10.1.0.2:8080] failed=false")
		mu.Lock()
		if !slices.Equal(left, []string{"10.1.0.1:8080 leaving", "10.1.0.1:8080 leaving"}) {
			t.Errorf("left %q", left)
		}
		mu.Unlock()

		kubernetes.set(nil) // no endpoints
		time.Sleep(4 * time.Minute)
		expect("10.1.0.2:8080/1/0/b", "chat.prod:ws [10.1.0.2:8080] failed=true")
		time.Sleep(2 * time.Minute)
		expect("", "chat.prod:ws [] failed=true")
		kubernetes.set(nil, one)
		expect("10.1.0.1:8080/1/0/a", "chat.prod:ws [10.1.0.1:8080] failed=false")

		// A group that takes the place begins with what is known, and listens itself.
		known := g.Endpoints()[0]
		next, err := upstream.NewGroup(specs(t, "ws+k8s://chat.prod:ws", "ws://10.0.0.9"), upstream.Options{Kubernetes: kubernetes, Before: g})
		if err != nil {
			t.Fatal(err)
		}
		defer next.Close()
		next.Resolve()
		next.Start()
		g.Close()
		synctest.Wait()
		if !next.Endpoints()[0].Is(known) && !next.Endpoints()[1].Is(known) || kubernetes.open() != 1 {
			t.Errorf("%s, %d watches", listed(next), kubernetes.open())
		}
	})
}

// TestFilesListBackends: members follow the file, once it has said the same twice; one that is of no use changes nothing.
func TestFilesListBackends(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backends.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dns := &names{}
	dns.set("app", "10.0.0.5")
	dns.records = map[string][]discovery.Target{"_ws._tcp.a": {at("10.0.0.6:1", 2, 0)}}
	synctest.Test(t, func(t *testing.T) {
		heard := &news{}
		o := upstream.Options{Resolver: dns, Files: []string{file}, EmptyHold: 5 * time.Minute, DNSInterval: time.Hour, OnResolve: heard.hear,
			Admits: func(s upstream.Spec) error {
				if s.Path != "" {
					return errors.New("no sockets here")
				}
				return nil
			}}
		if _, err := upstream.NewGroup(nil, o); err == nil || !strings.Contains(err.Error(), "there is no file") {
			t.Fatalf("without the file: %v", err)
		}
		put("- ws://10.0.0.1:90\n- ws://app:90\n")
		g, err := upstream.NewGroup(specs(t, "ws://10.0.0.9:90"), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { g.Close() }()
		g.Resolve()
		g.Start()
		expect := func(want string, told ...string) {
			t.Helper()
			time.Sleep(2500 * time.Millisecond)
			synctest.Wait()
			if got := listed(g); got != want {
				t.Fatalf("members %s", got)
			}
			for _, got := range heard.take() {
				if file := strings.Contains(got, "backends.yaml"); file && (len(told) == 0 || !strings.HasSuffix(got, told[0])) {
					t.Fatalf("told %q", got)
				} else if file {
					told = told[1:]
				}
			}
			if len(told) > 0 {
				t.Fatalf("not told %q", told)
			}
		}
		const nine, five, one = "ws://10.0.0.9:90=10.0.0.9:90", "ws://app:90@10.0.0.5=10.0.0.5:90", "ws://10.0.0.1:90=10.0.0.1:90"
		expect(one+" "+nine+" "+five, "failed=false")
		kept := g.Endpoints()[0]
		kept.Acquire()
		put("- ws://10.0.0.1:90#weight=3\n- ws+srv://_ws._tcp.a\n")
		const srv = "ws+srv://_ws._tcp.a@10.0.0.6:1=10.0.0.6:1"
		expect(srv+" "+one+" "+nine, "failed=false")
		if e := g.Endpoints()[1]; e != kept || e.Terms().Weight != 3 || len(g.Lookups()) != 2 {
			t.Errorf("%+v, %+v", e.Terms(), g.Lookups())
		}
		for _, bad := range []string{"- nonsense", "{", "- ws://10.0.0.9:90", "- unix:///a", "a: b", "- [a]"} {
			put(bad)
			expect(srv+" "+one+" "+nine, "failed=true")
			if l := g.Lookups()[1]; l.Host != file || l.Error == "" || !l.Known {
				t.Errorf("%s: %+v", bad, l)
			}
			put("- ws://10.0.0.1:90#weight=3\n- ws+srv://_ws._tcp.a\n")
			expect(srv+" "+one+" "+nine, "failed=false")
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		expect(srv+" "+one+" "+nine, "failed=true")

		// A group that takes the place keeps what the file listed.
		o.Before = g
		next, err := upstream.NewGroup(specs(t, "ws://10.0.0.9:90"), o)
		if err != nil {
			t.Fatal(err)
		}
		next.Resolve()
		next.Start()
		g.Close()
		g = next
		expect(srv + " " + one + " " + nine)
		put("[]")
		expect(srv + " " + one + " " + nine)
		time.Sleep(4 * time.Minute)
		expect(srv + " " + one + " " + nine)
		time.Sleep(time.Minute)
		expect(nine, "[] failed=true")
		put("- ws://10.0.0.1:90\n")
		expect(one+" "+nine, "failed=false")
	})
}
