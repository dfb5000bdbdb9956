package upstream

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"weir/netpoll"
)

// patient is an endpoint with a log of its changes.
type patient struct {
	*Endpoint
	log []bool
}

func newPatient(checked bool) *patient {
	p := &patient{}
	r := &rules{rise: 2, fall: 3, checked: checked, changed: func(_ *Endpoint, healthy bool, _ string) {
		p.log = append(p.log, healthy)
	}}
	p.Endpoint = &Endpoint{Name: "ws://a:80", Addr: netpoll.IP(netip.MustParseAddrPort("127.0.0.1:80")), vitals: newVitals(r, new(clientTLS))}
	p.terms.Store(&Terms{Weight: 1})
	return p
}

// do plays events: c and C a check that failed or passed, k and K a connect.
func (p *patient) do(events string) {
	for _, event := range events {
		switch event {
		case 'c':
			p.check(errors.New("refused"))
		case 'C':
			p.check(nil)
		case 'k':
			p.ConnectFailed("refused")
		case 'K':
			p.ConnectOK()
		}
	}
}

func TestRiseAndFall(t *testing.T) {
	tests := []struct {
		events string
		state  string
		log    []bool
	}{
		{"", Unknown, nil},
		{"C", Healthy, nil},
		{"cc", Unknown, nil},
		{"ccc", Unhealthy, []bool{false}},
		{"ccCcc", Healthy, nil},
		{"Cccc", Unhealthy, []bool{false}},
		{"cccC", Unhealthy, []bool{false}},
		{"cccCC", Healthy, []bool{false, true}},
		{"cccCcC", Unhealthy, []bool{false}},
		{"cccCCcc", Healthy, []bool{false, true}},
		{"cccCCccc", Unhealthy, []bool{false, true, false}},
		{"kk", Unknown, nil},
		{"kkk", Unhealthy, []bool{false}},
		{"kkKkk", Unknown, nil},
		{"CCCkkk", Unhealthy, []bool{false}},
		{"CCCkkkC", Unhealthy, []bool{false}},
		{"kkkCC", Healthy, []bool{false, true}},
		{"kkkCCkk", Healthy, []bool{false, true}},
		{"kkkKKKK", Unhealthy, []bool{false}}, // only a check brings it back
		{"cckkC", Healthy, nil},               // connects and checks are counted apart
		{"kkkkkkccccc", Unhealthy, []bool{false}},
	}
	for _, tt := range tests {
		p := newPatient(true)
		p.do(tt.events)
		state, _, _ := p.State()
		if state != tt.state || p.Healthy() != (tt.state != Unhealthy) || !reflect.DeepEqual(p.log, tt.log) {
			t.Errorf("%q: %s, healthy %v, changes %v; want %s, %v", tt.events, state, p.Healthy(), p.log, tt.state, tt.log)
		}
	}
}

func TestStateTellsWhyAndSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(true)
		begin := time.Now()
		time.Sleep(time.Hour)
		p.do("ccc")
		time.Sleep(time.Hour)
		p.do("ccc")
		state, reason, since := p.State()
		if state != Unhealthy || reason != "check: refused" || since.Sub(begin) != time.Hour {
			t.Errorf("%s, %s, after %v", state, reason, since.Sub(begin))
		}
	})
}

func TestCoolDownWithoutChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(false)
		state := func() string { s, _, _ := p.State(); return s }
		expect := func(what, want string) {
			t.Helper()
			synctest.Wait()
			if got := state(); got != want {
				t.Fatalf("%s: %s, want %s", what, got, want)
			}
		}
		p.do("K")
		expect("connected", Healthy)
		p.do("kkk")
		expect("fell", Unhealthy)
		time.Sleep(coolDown - 1)
		expect("before the end", Unhealthy)
		time.Sleep(1)
		expect("cool-down over", Unknown)
		p.do("k")
		expect("failed its trial", Unhealthy)
		time.Sleep(coolDown)
		p.do("K")
		expect("passed its trial", Healthy)
		p.do("kk")
		expect("trial forgotten", Healthy)
		p.do("kK")
		expect("used in panic", Healthy)
		time.Sleep(2 * coolDown)
		if want := []bool{false, true, false, true, false, true}; !reflect.DeepEqual(p.log, want) {
			t.Errorf("changes %v, want %v", p.log, want)
		}
	})
}

func TestRetiredEndpointKeepsNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(false)
		p.do("kkk")
		p.vitals.retire(p.vitals.rules)
		time.Sleep(2 * coolDown)
		p.do("Kkkk") // a late session's outcome
		time.Sleep(2 * coolDown)
		if p.Healthy() {
			t.Error("came back after it was retired")
		}
	})
}

func TestStatsCountEverything(t *testing.T) {
	p := newPatient(true)
	p.Acquire()
	p.Acquire()
	p.Release()
	p.do("KKkcCcccCC")
	want := EndpointStats{Active: 1, Connects: 2, ConnectFailures: 1, Checks: 7, CheckFailures: 4, Transitions: 2, Downs: [len(causeNames)]uint64{1}}
	if got := p.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPathOfASessionDoesNotAllocate(t *testing.T) {
	p := newPatient(true)
	p.do("C")
	if n := testing.AllocsPerRun(100, func() { p.Acquire(); p.ConnectOK(); p.Release() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
