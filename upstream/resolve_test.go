package upstream_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/upstream"
	"weir/upstream/discovery"
	"weir/upstream/discovery/dns"
)

// names is a name server whose answers a test changes.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
	records map[string][]discovery.Target // of services
	ttl     time.Duration                 // of answers; 0: a day
	asked   []string                      // "family host"
}

func (n *names) set(host string, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.answers == nil {
		n.answers = make(map[string][]string)
	}
	n.answers[host] = addrs
}

// LookupIP fails for a host without answers, does not know one whose only answer is "none", and hangs for "hang".
func (n *names) LookupIP(ctx context.Context, host string, family discovery.Family) (dns.Answer, error) {
	if host == "hang" {
		<-ctx.Done()
		return dns.Answer{}, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, strings.TrimSpace(string(family)+" "+host))
	answer := n.answers[host]
	if len(answer) == 0 {
		return dns.Answer{}, errors.New("server misbehaving")
	}
	if answer[0] == "none" {
		return dns.Answer{}, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	a := dns.Answer{TTL: cmp.Or(n.ttl, 24*time.Hour)}
	for _, text := range answer {
		if text != "" {
			a.Addrs = append(a.Addrs, netip.MustParseAddr(text))
		}
	}
	slices.SortFunc(a.Addrs, netip.Addr.Compare)
	return a, nil
}

// LookupSRV does not know a service without records.
func (n *names) LookupSRV(_ context.Context, name string, _ discovery.Family) ([]discovery.Target, time.Duration, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, "SRV "+name)
	if n.records[name] == nil {
		return nil, 0, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return slices.Clone(n.records[name]), cmp.Or(n.ttl, 24*time.Hour), nil
}

// times is how often it was asked.
func (n *names) times() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.asked)
}

func listed(g *upstream.Group) string {
	var all []string
	for _, e := range g.Endpoints() {
		all = append(all, e.Name+"="+e.Addr.String())
	}
	return strings.Join(all, " ")
}

func TestNamesOfEndpoints(t *testing.T) {
	const one, other = "ws://app:90@10.0.0.1=10.0.0.1:90", "ws://app:90@10.0.0.2=10.0.0.2:90"
	const six = "ws://app:90@2001:db8::1=[2001:db8::1]:90"
	tests := []struct {
		name    string
		backend string
		answers []string
		want    string
	}{
		{"one", "ws://app:90", []string{"10.0.0.1"}, one},
		{"two, in any order", "ws://app:90", []string{"10.0.0.2", "10.0.0.1"}, one + " " + other},
		{"IPv6", "ws://app:90", []string{"2001:db8::1"}, six},
		{"by ID", "ws://app:90#id=a", []string{"10.0.0.2", "10.0.0.1"}, "a=10.0.0.1:90"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dns := &names{}
			dns.set("app", tt.answers...)
			if got := listed(group(t, upstream.Options{Resolver: dns, Family: discovery.IPv6}, tt.backend)); got != tt.want {
				t.Errorf("got %s", got)
			}
			if !slices.Equal(dns.asked, []string{"ipv6 app"}) {
				t.Errorf("asked for %q", dns.asked)
			}
		})
	}
	if got := listed(group(t, upstream.Options{}, "ws://10.0.0.1:90", "ws://[::1]:90", "unix:///a", "unix:///b#id=b")); got !=
		"b=/b unix:///a=/a ws://10.0.0.1:90=10.0.0.1:90 ws://[::1]:90=[::1]:90" {
		t.Errorf("without look-ups: %s", got)
	}
}

// One name that leads nowhere is no reason not to use the others.
func TestNamesThatDoNotResolveAtStart(t *testing.T) {
	dns := &names{}
	dns.set("empty", "")
	dns.set("unknown", "none")
	for _, host := range []string{"failing", "empty", "unknown"} {
		if g := group(t, upstream.Options{Resolver: dns}, "ws://"+host); len(g.Endpoints()) != 0 || pick(g, 1, nil) != nil {
			t.Errorf("%s stands for %s", host, listed(g))
		}
		if n := len(group(t, upstream.Options{Resolver: dns}, "ws://"+host, "ws://10.0.0.1").Endpoints()); n != 1 {
			t.Errorf("%s: %d endpoints", host, n)
		}
	}
}

func TestHangingLookupEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, dns := time.Now(), &names{}
		dns.set("app", "10.0.0.1")
		g := group(t, upstream.Options{Resolver: dns}, "ws://hang", "ws://app")
		if l := g.Lookups()[1]; time.Since(begin) != 5*time.Second || !strings.Contains(l.Error, "deadline exceeded") || len(g.Endpoints()) != 1 {
			t.Errorf("%+v after %v", l, time.Since(begin))
		}
	})
}

// news collects what OnResolve is told.
type news struct {
	mu   sync.Mutex
	told []string
}

func (n *news) hear(host string, addrs []string, err error) {
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
		refresh()
		expect(nine+"ws://app:90@10.0.0.1=10.0.0.1:90 ws://app:90@10.0.0.3=10.0.0.3:90",
			"app [10.0.0.1 10.0.0.3] failed=true")
		dns.set("app", "10.0.0.1", "10.0.0.3")
		refresh()
		expect(nine+"ws://app:90@10.0.0.1=10.0.0.1:90 ws://app:90@10.0.0.3=10.0.0.3:90",
			"app [10.0.0.1 10.0.0.3] failed=false")

		dns.set("app", "10.0.0.1") // the other goes, which is nothing to this one
		refresh()
		expect(nine+"ws://app:90@10.0.0.1=10.0.0.1:90", "app [10.0.0.1] failed=false")
		if g.Endpoints()[1] != first || first.Active() != 1 {
			t.Error("an endpoint that is alone now is another one")
		}
	})
}

// TestIDOutlivesTheAddress: cookies, keys and sessions are those of the name, what was found of the old address is not.
func TestIDOutlivesTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		dns.set("app-0", "10.0.0.1")
		g := group(t, upstream.Options{Resolver: dns, DNSInterval: 30 * time.Second}, "ws://app-0:90#id=app-0", "ws://10.0.0.9:90")
		g.Start()
		was := g.Endpoints()[0]
		was.Acquire()
		fell(was)
		dns.set("app-0", "10.0.0.7")
		time.Sleep(33 * time.Second)
		synctest.Wait()
		if got := listed(g); got != "app-0=10.0.0.7:90 ws://10.0.0.9:90=10.0.0.9:90" {
			t.Fatal(got)
		}
		e := g.Endpoints()[0]
		if e.ID() != was.ID() || g.ByID(was.ID()) != e || e.Active() != 1 || e.Stats().ConnectFailures != 3 || !e.Healthy() {
			t.Errorf("%+v %+v", e, e.Stats())
		}
		was.Release()
		if e.Active() != 0 {
			t.Error("the session was released on neither")
		}
	})
}

// TestEmptyAnswers: when name servers say that a name has no address, the last ones are kept for a while, and then go. A
// server that says nothing takes none away.
func TestEmptyAnswers(t *testing.T) {
	for _, empty := range []string{"none", ""} {
		synctest.Test(t, func(t *testing.T) {
			dns, heard := &names{}, &news{}
			dns.set("app", "10.0.0.1")
			g := group(t, upstream.Options{Resolver: dns, DNSInterval: 30 * time.Second, EmptyHold: 5 * time.Minute, OnResolve: heard.hear}, "ws://app:90")
			g.Start()
			after := func(d time.Duration, members int, told ...string) {
				t.Helper()
				time.Sleep(d)
				synctest.Wait()
				if got := heard.take(); len(g.Endpoints()) != members || !slices.Equal(got, told) || g.Lookups()[0].Known != (members > 0) {
					t.Fatalf("members %s, told %q, %+v", listed(g), got, g.Lookups()[0])
				}
			}
			after(0, 1, "app [10.0.0.1] failed=false")
			dns.set("app") // fails
			after(10*time.Minute, 1, "app [10.0.0.1] failed=true")
			dns.set("app", empty)
			after(5*time.Minute, 1)
			after(34*time.Second, 0, "app [] failed=true")
			dns.set("app", "10.0.0.2")
			after(34*time.Second, 1, "app [10.0.0.2] failed=false")
		})
	}
}

// TestNamesAreTriedAgainSoon, and less often the longer they fail, whether a name has ever led anywhere or not.
func TestNamesAreTriedAgainSoon(t *testing.T) {
	for _, interval := range []time.Duration{0, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			dns, heard := &names{}, &news{}
			g := group(t, upstream.Options{Resolver: dns, DNSInterval: interval, OnResolve: heard.hear}, "ws://app:90")
			g.Start()
			at := func(d time.Duration, times int) {
				t.Helper()
				time.Sleep(d)
				synctest.Wait()
				if dns.times() != times {
					t.Fatalf("asked %d times by now, not %d", dns.times(), times)
				}
			}
			at(800*time.Millisecond, 1)
			at(400*time.Millisecond, 2) // after 1 s, give or take a tenth
			at(2200*time.Millisecond, 3)
			at(4400*time.Millisecond, 4)
			at(8800*time.Millisecond, 5)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if n := dns.times() - 5; n < 18 || n > 24 { // every 30 s by now
				t.Errorf("%d times in ten minutes", n)
			}
			if told := heard.take(); len(told) != 1 {
				t.Errorf("told %q", told)
			}
			dns.set("app", "10.0.0.1")
			time.Sleep(33 * time.Second)
			synctest.Wait()
			if told := heard.take(); len(g.Endpoints()) != 1 || len(told) != 1 {
				t.Errorf("members %s, told %q", listed(g), told)
			}
			known := dns.times()
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if again := dns.times() - known; (again > 0) != (interval > 0) {
				t.Errorf("asked %d times more", again)
			}
		})
	}
}

func TestIntervalZeroResolvesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		dns.set("app", "10.0.0.1")
		group(t, upstream.Options{Resolver: dns}, "ws://app", "ws://app:81").Start()
		time.Sleep(time.Hour)
		synctest.Wait()
		if dns.times() != 1 {
			t.Errorf("asked %d times", dns.times())
		}
	})
}

// TestLookupsAreCounted: a name that leads nowhere can be seen, and so can one whose last answer stays in use.
func TestLookupsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		dns.set("app", "10.0.0.1")
		dns.set("ghost", "none")
		g := group(t, upstream.Options{Resolver: dns, DNSInterval: 30 * time.Second}, "ws://app:90", "ws://ghost:90", "h2c://ghost:91")
		g.Start()
		expect := func(i int, host string, known bool, failing string, backends int) upstream.Lookup {
			t.Helper()
			l := g.Lookups()[i]
			if l.Host != host || l.Known != known || (l.Failures > 0) != (failing != "") || !strings.Contains(l.Error, failing) ||
				(l.Error == "") != (failing == "") || l.Since.IsZero() != (failing == "") || len(l.Backends) != backends {
				t.Errorf("%+v", l)
			}
			return l
		}
		expect(0, "app", true, "", 1)
		ghost := expect(1, "ghost", false, "no such host", 2)
		dns.set("app")
		time.Sleep(33 * time.Second)
		synctest.Wait()
		expect(0, "app", true, "server misbehaving", 1)
		if again := expect(1, "ghost", false, "no such host", 2); again.Since != ghost.Since || again.Failures < 4 {
			t.Errorf("%+v, at first %+v", again, ghost)
		}
		dns.set("ghost", "10.0.0.2")
		time.Sleep(33 * time.Second)
		synctest.Wait()
		if l := g.Lookups()[1]; !l.Known || l.Error != "" || !l.Since.IsZero() {
			t.Errorf("%+v", l)
		}
	})
}
