package deploytest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Alert       string
			Expr        string
			For         string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
}

func alerts(t *testing.T) (file ruleFile) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, "deploy/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr string }
	}
}

func panels(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana-dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries maps where a query stands to the query.
func queries(t *testing.T) map[string]string {
	all := map[string]string{}
	for _, group := range alerts(t).Groups {
		for _, rule := range group.Rules {
			all["alert "+rule.Alert] = rule.Expr
		}
	}
	for _, panel := range panels(t).Panels {
		for _, target := range panel.Targets {
			all["panel "+panel.Title+": "+target.Expr] = target.Expr
		}
	}
	return all
}

var (
	metricInQuery = regexp.MustCompile(`\b(?:weir|process|go)_\w+`)
	reasonInQuery = regexp.MustCompile(`\breason=~?"([^"]*)"`)
)

func TestQueriesAskForWhatThereIs(t *testing.T) {
	names, reasons, failures := metricNames(t), reasonsInCode(t), handshakeFailures()
	for place, query := range queries(t) {
		asked := metricInQuery.FindAllString(query, -1)
		if len(asked) == 0 && !strings.HasPrefix(query, "up{") {
			t.Errorf("%s: asks for no metric of ours", place)
		}
		for _, name := range asked {
			if !names[histogramPart.ReplaceAllString(name, "")] {
				t.Errorf("%s: /metrics has no %s", place, name)
			}
		}
		for _, list := range reasonInQuery.FindAllStringSubmatch(query, -1) {
			for reason := range strings.SplitSeq(list[1], "|") {
				if _, ok := reasons[reason]; !ok && !failures[reason] {
					t.Errorf("%s: the code has no reason %s", place, reason)
				}
			}
		}
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range alerts(t).Groups {
		for _, rule := range group.Rules {
			severity := rule.Labels["severity"]
			if rule.Alert == "" || seen[rule.Alert] || rule.For == "" || severity != "page" && severity != "ticket" ||
				rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("alert %q is a second one of its name, or lacks for, severity, summary or description", rule.Alert)
			}
			seen[rule.Alert] = true
		}
	}
	if len(seen) == 0 {
		t.Error("no alerts")
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range panels(t).Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q has the number of another, no title or no query", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" && other != p.Title || x >= 24 {
					t.Fatalf("panel %q lies over %q, or beside the grid", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
