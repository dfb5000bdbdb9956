package routing_test

import (
	"strings"
	"testing"

	"weir/gateway/routing"
)

// guarded are routes as operators write them: some ask who comes in, and all lead to one backend but for elsewhere.
func guarded(t testing.TB, pass bool) *routing.Table {
	t.Helper()
	to := func(m routing.Match, guard string) routing.Match {
		m.Terms = routing.Terms{Guard: guard, Backends: []string{"a:80", "b:80"}, Encoded: pass}
		return m
	}
	away := routing.Match{Prefixes: []string{"/away"}, Terms: routing.Terms{Backends: []string{"c:80"}}}
	table, err := routing.New([]routing.Match{
		to(routing.Match{Prefixes: []string{"/admin/assets"}}, ""),
		to(routing.Match{Prefixes: []string{"/admin"}}, "staff"),
		to(routing.Match{Paths: []string{"/secret", "/caf%C3%A9,x"}}, "token"),
		to(routing.Match{Regexps: []string{"/rooms/[0-9]+"}}, "token"),
		away,
		to(routing.Match{Prefixes: []string{"/"}}, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

const (
	assets = iota
	admin
	secret
	rooms
	away
	open
)

// spellings are ways to write what routes guard.
var spellings = []string{
	"/admin;x/users", "/admin%3Bx/users", "/admin%3bx", "/;x/admin", "/x;/../admin", "/a;b/..;c/admin/x", "/admin;",
	"/x/../admin", "/x/%2e%2e/admin", "/x/.%2E/admin", "/./admin", "/%2e/admin", "/x/..%2fadmin", "/x/..%5cadmin", `/x/..\admin`, "/x/..;/admin", "/x/..%3b/admin", "/..//admin",
	"//admin", "/x//../admin", "//x/admin", "//admin/..", `/\x/admin`, "/%2fadmin", "/%5cadmin", "/%5c%5cx/admin", "///admin", "//x/y/../../admin",
	"/admin%2fusers", "/admin%5cusers", `/admin\users`, "/admin/assets/../users", "/admin/assets/..%2fusers", "/admin/assets%2f..%2fusers", "/admin/assets/%2e%2e;/users",
	"/admin%00", "/admin%00x", "/%00/../admin", "/secret%00.txt", "/secret;jsessionid=1", "/secret;x/y", "/secret%3Bx/y", "/secret%2f", "/./secret", "/secret/.",
	"/%c0%afadmin", "/x/%c0%ae%c0%ae/admin", "/admin%c0%af", "/admin%c1%9cx", "/admin%e0%80%afx", "/admin%f0%80%80%afx", "/admin%f8%80%80%80%afx", "/admin%fc%80%80%80%80%afx", "/%c1%a1dmin", "/%e0%81%a1dmin",
	"/%u0061dmin", "/admin%u002fx", "/%U0061dmin", "/admin%uff0fx", "/adm%in", "/%zzadmin/../admin", "/admin%", "/admin%2", "/%/admin",
	"/%252e%252e%252fadmin", "/x%252f..%252fadmin", "/%2561dmin", "/%25%36%31dmin", "/%252561dmin", "/x/%252e%252e/admin", "/admin%252fx", "/admin%253bx", "/secret%2500",
	"/ADMIN", "/Admin/x", "/%41dmin", "/aDmIn;x", "/SECRET", "/secret/", "/Secret/", "/ROOMS/12", "/rooms/12/", "/Rooms/%31%32", "/rooms/12;x", "/rooms//12", "/rooms/%31%2532",
	"/admin%3fx", "/admin%23x", "/secret%3F", "/admin%253fx", "/admin.", "/admin%20", "/admin%20/x", "/admin./x", "/admin..%20/x", "/secret.", "/rooms/12.", "/rooms/12%20",
	"/ad%09min", "/%0aadmin", "/admin%0d%0a", "/%ef%bd%81dmin", "/admin%ef%bc%8fx", "/%ef%bd%81%ef%bd%84%ef%bd%8d%ef%bd%89%ef%bd%8e",
	"/caf%C3%A9%2Cx", "/c%61f%c3%a9,x/", "/CAF%C3%A9,x", "/caf%25C3%25A9,x", "/caf%C3%A9%252Cx", "/caf%C3%A9%2Cx%2F",
}

// TestNoSpellingGetsPastARoute: whatever servers make of a path, no route lets somebody through to a backend of another's
// that asks more of who comes in; be ambiguous paths let pass or not.
func TestNoSpellingGetsPastARoute(t *testing.T) {
	for _, pass := range []bool{false, true} {
		table := guarded(t, pass)
		for _, path := range spellings {
			i, out := table.Choose(subject("a"+path, nil))
			if out == routing.Taken && (i == open || i == assets) {
				t.Errorf("%s, passing %v: taken by route %d", path, pass, i)
			}
		}
	}
}

// TestChoose: what is taken, and what is not, by whom.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		path   string
		strict int // the route that takes it, or -1: nobody can tell
		lax    int // the same where ambiguous paths pass
	}{
		{"/", open, open}, {"/x", open, open}, {"/x/y/", open, open}, {"/%78/caf%C3%A9", open, open}, {"/administrator", open, open}, {"/x.y/.well-known/z..w", open, open},
		{"/x%20y", open, open}, {"/100%25", open, open}, {"/x%3Fy%23z", open, open}, {"/%e9", open, open},
		{"/admin", admin, admin}, {"/admin/", admin, admin}, {"/admin/x", admin, admin}, {"/%61dmin/x", admin, admin}, {"/admin/X.", admin, admin}, {"/admin/a%20b", admin, admin},
		{"/admin/assets", assets, assets}, {"/admin/assets/x", assets, assets}, {"/secret", secret, secret}, {"/rooms/12", rooms, rooms}, {"/rooms/x", open, open},
		{"/caf%c3%A9,x", secret, secret},
		// one route, however they are read
		{"/x%2Fy", -1, open}, {"/x//y", -1, open}, {"/x/y;z=1", -1, open}, {"/x/./y", -1, open}, {"/x/%zz", -1, open}, {"/x%00", -1, open}, {"/x%c0%afy", -1, open}, {"/x/..;/y", -1, open},
		{"/admin/a%2Fb", -1, admin}, {"/admin/a//b", -1, admin}, {"/admin/a%252Fb;c", -1, admin},
		// two
		{"/admin/assets%2Fx", -1, -1}, {"/admin/..", -1, -1}, {"/admin%2F..%2Fx", -1, -1}, {"/rooms/12%2F", -1, -1}, {"/x/..%2Fadmin", -1, -1},
		// a backend of its own, which serves nothing of the others
		{"/away", away, away}, {"/away/ADMIN", away, away}, {"/away/x.", away, away}, {"/AWAY", open, open}, {"/away/%252e%252e/admin", away, away}, {"/away/../admin", -1, -1}, {"/away/a%2Fb", -1, -1},
	} {
		for pass, want := range map[bool]int{false: c.strict, true: c.lax} {
			i, out := guarded(t, pass).Choose(subject("a"+c.path, nil))
			if out == routing.Unclear {
				i = -1
			}
			if i != want || out == routing.Unserved {
				t.Errorf("%s, passing %v: route %d, %v, want %d", c.path, pass, i, out, want)
			}
		}
	}
}

// TestPathsOfOtherHosts: whether a path may be read in several ways is asked of the routes of its host alone, and of those
// that could take it.
func TestPathsOfOtherHosts(t *testing.T) {
	host := func(name string) []string { return []string{name} }
	table, err := routing.New([]routing.Match{
		{Hosts: host("files"), Methods: []string{"GET", "PUT"}},
		{Hosts: host("files"), Prefixes: []string{"/post"}},
		{Hosts: host("asked"), Terms: routing.Terms{ReadsPath: true}},
		{Hosts: host("passed"), Terms: routing.Terms{ReadsPath: true, Encoded: true}},
		{Hosts: host("chat"), Prefixes: []string{"/chat"}},
		{Hosts: host("chat")},
		{Prefixes: []string{"/any"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]routing.Outcome{
		"files/a%2Fb//c;d/..": routing.Taken,
		"FILES:80/a%2Fb":      routing.Taken,
		"asked/a/b":           routing.Taken,
		"asked/a%2Fb":         routing.Unclear,
		"passed/a%2Fb/..;":    routing.Taken,
		"chat/a/b":            routing.Taken,
		"chat/a%2Fb":          routing.Unclear,
		"other/a/b":           routing.Unserved,
		"other/a%2Fb":         routing.Unclear,
	} {
		if i, out := table.Choose(subject(url, nil)); out != want {
			t.Errorf("%s: %v by %d, want %v", url, out, i, want)
		}
	}
	post := subject("files/a%2Fb", nil)
	post.Method = []byte("POST")
	if _, out := table.Choose(post); out != routing.Unclear {
		t.Errorf("a POST, for which paths decide, is %v", out)
	}
	for _, m := range []routing.Match{{}, {Hosts: host("a")}} {
		table, _ := routing.New([]routing.Match{m})
		if _, out := table.Choose(subject("a/a%2Fb", nil)); out != routing.Taken {
			t.Errorf("the only route is not taken: %v", out)
		}
	}
}

// TestChooseDoesNotAllocate for paths without escapes, where routes are guarded.
func TestChooseDoesNotAllocate(t *testing.T) {
	table := guarded(t, false)
	for path, want := range map[string]float64{"/admin/assets/x": 0, "/secret": 0, "/x/y": 2} { // for which an expression is tried in another form
		s := subject("a"+path, nil)
		if n := testing.AllocsPerRun(100, func() { table.Choose(s) }); n > want {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

// TestReadingsAreBounded: paths that are made to be read in very many ways are given up.
func TestReadingsAreBounded(t *testing.T) {
	table := guarded(t, true)
	for _, path := range []string{strings.Repeat("/%2525252e;/..%2f", 800), "/" + strings.Repeat("%25", 4000) + "41", strings.Repeat("/./;%c0%ae", 1500), "/" + strings.Repeat("%2525252525;. %00", 900)} {
		s := subject("a"+path, nil)
		if n := testing.AllocsPerRun(3, func() { table.Choose(s) }); n > 1000 {
			t.Errorf("%.20s...: %v allocations", path, n)
		}
	}
}
