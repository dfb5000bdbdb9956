package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// allowed says for each room what else of this module it may import, and why not more.
var allowed = map[string]struct {
	rooms []string
	why   string
}{
	"codec":    {nil, "codecs know bytes alone, so that they can be tested and fuzzed without sockets"},
	"netpoll":  {nil, "the reactor must not know what the bytes mean"},
	"upstream": {[]string{"codec", "netpoll"}, "backends must not depend on how clients are configured or counted"},
	"gateway":  {[]string{"upstream", "codec", "netpoll"}, "the gateway composes the rooms below it"},
	"bench":    {[]string{"codec"}, "a yardstick must not be made of what it measures"},
	"internal": {nil, "what every room may use must not lead from one to another"},
	"cmd":      {[]string{"gateway", "upstream", "codec", "bench"}, "commands read configurations and hand them on"},
}

// inGateway says for each package of the room gateway what else of that room it may import. The rest are leaves, which may
// import one another but none of these.
var inGateway = map[string]struct {
	packages []string
	why      string
}{
	"gateway":         {[]string{"plan", "session", "listen", "observe", "admin", "web", "reasons"}, ""},
	"gateway/listen":  {[]string{"plan", "session"}, "sockets are opened and handed on, whatever comes in by them"},
	"gateway/session": {[]string{"plan", "observe", "web", "reasons"}, "sessions must not know how a configuration is read, nor the HTTP of admin"},
	"gateway/plan":    {[]string{"observe", "web", "reasons"}, "a plan is held by loops and sessions, and must not know them"},
	"gateway/observe": {[]string{"web", "reasons"}, "counters and lines are handed over, not fetched"},
	"gateway/admin":   {[]string{"observe"}, "admin sees the gateway by one interface"},
	"gateway/web":     {[]string{"reasons"}, "plain HTTP is told by a plan what to do, and asks for nothing"},
	"gateway/reasons": {nil, "names know nobody"},
}

// TestImportsInGateway keeps the packages below gateway apart by lifetime.
func TestImportsInGateway(t *testing.T) {
	for _, p := range packages(t) {
		if roomOf(p.ImportPath) != "gateway" || strings.Contains(p.ImportPath, "/internal/") { // generators
			continue
		}
		rule := inGateway[strings.TrimPrefix(p.ImportPath, "weir/")]
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, "weir/gateway/")
			if _, layered := inGateway["gateway/"+to]; ours && layered && !contains(rule.packages, to) {
				t.Errorf("%s imports %s: %s", p.ImportPath, imp, rule.why)
			}
			if imp == "weir/gateway" {
				t.Errorf("%s imports the package that composes it", p.ImportPath)
			}
		}
	}
}

// onlyNetpoll are packages that hide behind netpoll, so that another reactor can take its place.
var onlyNetpoll = []string{"github.com/panjf2000/gnet", "golang.org/x/sys/unix"}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		room := roomOf(p.ImportPath)
		rule, known := allowed[room]
		if !known {
			t.Errorf("%s: there is no room %q", p.ImportPath, room)
			continue
		}
		for _, imp := range p.Imports {
			if to := roomOf(imp); to != "" && to != room && to != "internal" && !contains(rule.rooms, to) {
				t.Errorf("%s imports %s: %s", p.ImportPath, imp, rule.why)
			}
			for _, hidden := range onlyNetpoll {
				if strings.HasPrefix(imp, hidden) && room != "netpoll" {
					t.Errorf("%s imports %s: only netpoll may", p.ImportPath, imp)
				}
			}
		}
	}
}

// packages asks the go command for the module's packages and their imports, tests left out.
func packages(t *testing.T) (all []pkg) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "weir/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// roomOf is the top-level folder of one of our packages, "" for others.
func roomOf(path string) string {
	rest, ours := strings.CutPrefix(path, "weir/")
	if !ours {
		return ""
	}
	room, _, _ := strings.Cut(rest, "/")
	return room
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
