package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/upstream"
)

// names is a name server whose answers a test changes.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
	asked   int
}

func (n *names) set(host string, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.answers == nil {
		n.answers = make(map[string][]string)
	}
	n.answers[host] = addrs
}

// LookupNetIP fails for a host without answers and hangs for "hang".
func (n *names) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" {
		return nil, fmt.Errorf("asked for %s", network)
	}
	if host == "hang" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	answer, ok := n.answers[host]
	if !ok || answer == nil {
		return nil, errors.New("no such host")
	}
	var addrs []netip.Addr
	for _, a := range answer {
		if a != "" {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
	}
	return addrs, nil
}

func listed(g *upstream.Group) string {
	var all []string
	for _, e := range g.Endpoints() {
		all = append(all, e.Name+"="+e.Addr.String())
	}
	return strings.Join(all, " ")
}

func TestNamesOfEndpoints(t *testing.T) {
	tests := []struct {
		name    string
		answers []string
		want    string
	}{
		{"one", []string{"10.0.0.1"}, "ws://app:90=10.0.0.1:90"},
		{"two, in any order, each once", []string{"10.0.0.2", "10.0.0.1", "10.0.0.2"},
			"ws://app:90@10.0.0.1=10.0.0.1:90 ws://app:90@10.0.0.2=10.0.0.2:90"},
		{"both families", []string{"::1", "127.0.0.1"}, "ws://app:90=127.0.0.1:90"},
		{"IPv4 in IPv6", []string{"::ffff:10.0.0.1", "10.0.0.1"}, "ws://app:90=10.0.0.1:90"},
		{"IPv6", []string{"2001:db8::2", "2001:db8::1"},
			"ws://app:90@2001:db8::1=[2001:db8::1]:90 ws://app:90@2001:db8::2=[2001:db8::2]:90"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dns := &names{}
			dns.set("app", tt.answers...)
			if got := listed(group(t, upstream.Options{Resolver: dns}, "ws://app:90")); got != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestAnswersAreBounded(t *testing.T) {
	dns := &names{}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("10.0.%d.%d", i/250, i%250))
	}
	slices.Reverse(many)
	dns.set("app", many...)
	g := group(t, upstream.Options{Resolver: dns}, "ws://app")
	if n := len(g.Endpoints()); n != 256 || !g.Endpoints()[0].Addr.IsValid() {
		t.Errorf("%d endpoints", n)
	}
	if listed(g) != listed(group(t, upstream.Options{Resolver: dns}, "ws://app")) {
		t.Error("two gateways kept different ones")
	}
}

func TestNamesThatDoNotResolveAtStart(t *testing.T) {
	dns := &names{}
	dns.set("empty", "")
	for _, host := range []string{"nowhere", "empty"} {
		_, err := upstream.NewGroup(specs(t, "ws://"+host), upstream.Options{Resolver: dns})
		if err == nil || !strings.Contains(err.Error(), "host "+host) {
			t.Errorf("%s: %v", host, err)
		}
		if n := len(group(t, upstream.Options{Resolver: dns}, "ws://"+host, "ws://10.0.0.1").Endpoints()); n != 1 {
			t.Errorf("%s: %d endpoints", host, n)
		}
	}
}

func TestHangingLookupEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		_, err := upstream.NewGroup(specs(t, "ws://hang"), upstream.Options{Resolver: &names{}})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// news collects what OnResolve is told.
type news struct {
	mu   sync.Mutex
	told []string
}

func (n *news) hear(host string, addrs []netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, fmt.Sprintf("%s %v failed=%v", host, addrs, err != nil))
}

func (n *news) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	told := n.told
	n.told = nil
	return told
}

// TestMembershipFollowsDNS walks one group through the changes a deployment makes.
func TestMembershipFollowsDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns, heard := &names{}, &news{}
		dns.set("app", "10.0.0.1", "10.0.0.2")
		g := group(t, upstream.Options{
			Balance: 1.25, Resolver: dns, DNSInterval: 30 * time.Second, OnResolve: heard.hear,
		}, "ws://app:90", "ws://10.0.0.9:90")
		g.Start()
		refresh := func() {
			time.Sleep(33 * time.Second) // the interval and its jitter
			synctest.Wait()
		}
		expect := func(names string, told ...string) {
			t.Helper()
			if got := listed(g); got != names {
				t.Fatalf("members %s", got)
			}
			if got := heard.take(); !slices.Equal(got, told) {
				t.Fatalf("told %q, want %q", got, told)
			}
		}
		const nine = "ws://10.0.0.9:90=10.0.0.9:90 "
		synctest.Wait()
		expect(nine+"ws://app:90@10.0.0.1=10.0.0.1:90 ws://app:90@10.0.0.2=10.0.0.2:90",
			"app [10.0.0.1 10.0.0.2] failed=false")

		first := g.Endpoints()[1]
		first.Acquire()
		dns.set("app", "10.0.0.3", "10.0.0.1")
		refresh()
		expect(nine+"ws://app:90@10.0.0.1=10.0.0.1:90 ws://app:90@10.0.0.3=10.0.0.3:90",
			"app [10.0.0.1 10.0.0.3] failed=false")
		if g.Endpoints()[1] != first {
			t.Error("an endpoint that stayed is another one now")
		}

		dns.set("app") // fails
		refresh()
		if got := heard.take(); len(got) == 0 || got[0] != "app [10.0.0.1 10.0.0.3] failed=true" {
			t.Errorf("told %q", got)
		}
		if len(g.Endpoints()) != 3 {
			t.Errorf("a failed lookup changed the members to %s", listed(g))
		}

		dns.set("app", "10.0.0.1") // the other goes, so this one takes the plain name
		refresh()
		heard.take()
		expect(nine + "ws://app:90=10.0.0.1:90")
		renamed := g.Endpoints()[1]
		if renamed.Active() != 1 {
			t.Error("the renamed endpoint lost its session")
		}
		for i := range 50 {
			if e := g.Pick(key(i), []*upstream.Endpoint{first}); e == renamed {
				t.Fatal("tried under its earlier name and picked again")
			}
		}
		first.Release()
		if renamed.Active() != 0 {
			t.Error("the session was released on neither")
		}
	})
}

func TestIntervalZeroResolvesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		dns.set("app", "10.0.0.1")
		group(t, upstream.Options{Resolver: dns}, "ws://app", "ws://app:81").Start()
		time.Sleep(time.Hour)
		synctest.Wait()
		if dns.asked != 1 {
			t.Errorf("asked %d times", dns.asked)
		}
	})
}

// TestLookupsAreCounted: a name that leads nowhere can be seen, and so can one whose last answer stays in use.
func TestLookupsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		dns.set("app", "10.0.0.1")
		g := group(t, upstream.Options{Resolver: dns, DNSInterval: 30 * time.Second}, "ws://app:90", "ws://ghost:90", "h2c://ghost:91")
		g.Start()
		expect := func(i int, host string, known bool, failures uint64, failing string, backends int) time.Time {
			t.Helper()
			l := g.Lookups()[i]
			if l.Host != host || l.Known != known || l.Failures != failures || !strings.Contains(l.Error, failing) ||
				(l.Error == "") != (failing == "") || l.Since.IsZero() != (failing == "") || len(l.Backends) != backends {
				t.Errorf("%+v", l)
			}
			return l.Since
		}
		expect(0, "app", true, 0, "", 1)
		since := expect(1, "ghost", false, 1, "no such host", 2)
		dns.set("app")
		time.Sleep(33 * time.Second)
		synctest.Wait()
		expect(0, "app", true, 1, "no such host", 1)
		if again := expect(1, "ghost", false, 2, "no such host", 2); again != since {
			t.Errorf("failing since %v, at first since %v", again, since)
		}
		dns.set("ghost", "10.0.0.2")
		time.Sleep(33 * time.Second)
		synctest.Wait()
		expect(1, "ghost", true, 2, "", 2)
	})
}
