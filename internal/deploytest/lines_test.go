package deploytest

import (
	"regexp"
	"strings"
	"testing"

	"weir/gateway/config"
)

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	setting  = regexp.MustCompile(`^[a-z][a-z0-9-]*: `)
)

// TestRecipesGoLineByLine: each line of a peer's configuration is in the page's table, and what the tables say instead of it is
// a configuration.
func TestRecipesGoLineByLine(t *testing.T) {
	for _, peer := range []string{"nginx", "haproxy"} {
		page := "docs/recipes/" + peer + ".md"
		blocks, prose := split(page, read(t, page))
		told, settings := map[string]bool{}, 0
		for i, line := range prose {
			cells := strings.Split(line, " | ")
			if len(cells) < 2 || !strings.HasPrefix(line, "| ") {
				continue
			}
			for _, m := range codeSpan.FindAllStringSubmatch(cells[0], -1) {
				told[directive(m[1])] = true
			}
			for _, text := range settingsOf(cells[1]) {
				settings++
				if err := loads(t, text); err != nil {
					t.Errorf("%s:%d: %v\n%s", page, i+1, err, text)
				}
			}
		}
		if settings < 20 {
			t.Errorf("%s: only %d rows have settings", page, settings)
		}
		for _, b := range blocks {
			if b.language != peer {
				continue
			}
			for i, line := range strings.Split(b.text, "\n") {
				name := directive(strings.Trim(line, " {};"))
				if name != "" && name[0] != '#' && !sections[name] && !told[name] {
					t.Errorf("%s:%d: no row tells what becomes of %s", page, b.line+i, name)
				}
			}
		}
	}
}

// sections begin a part of a configuration and say nothing themselves.
var sections = map[string]bool{"global": true, "defaults": true, "frontend": true, "backend": true}

// directive is the name of a line of configuration; some names have two words.
func directive(line string) string {
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return ""
	case len(words) > 1 && twoWords.MatchString(words[0]):
		return words[0] + " " + words[1]
	}
	return words[0]
}

var twoWords = regexp.MustCompile(`^(proxy_set_header|option|timeout|http-request|http-check)$`)

// settingsOf is the configurations that a cell of a table shows in code: one, or as many as there are values for one name.
func settingsOf(cell string) (all []string) {
	given := map[string]bool{}
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		name := setting.FindString(m[1])
		if name == "" {
			continue
		}
		if given[name] || len(all) == 0 {
			all, given = append(all, ""), map[string]bool{}
		}
		given[name] = true
		if name == "match: " {
			m[1] = "routes:\n  - upstream: ws://10.0.0.1:1\n    " + m[1]
		}
		all[len(all)-1] += m[1] + "\n"
	}
	return all
}

// loads reads settings, with what else a configuration needs.
func loads(t *testing.T, text string) error {
	t.Helper()
	for name, rest := range map[string]string{"upstream: ": "ws://10.0.0.1:1", "tls-listen: ": ":8443", "tls-cert: ": "a.pem\ntls-key: a.key"} {
		if !strings.Contains("\n"+text, "\n"+name) {
			text += name + rest + "\n"
		}
	}
	_, err := config.Load([]string{"--config", written(t, text)}, nil)
	return err
}
