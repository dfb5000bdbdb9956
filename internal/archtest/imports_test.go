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
