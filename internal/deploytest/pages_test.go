package deploytest

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// block is a fenced block of a page.
type block struct {
	page     string
	line     int // of its first line
	language string
	text     string
}

func (b block) place() string { return b.page + ":" + strconv.Itoa(b.line) }

// first is the text of the comment that is the block's first line, else "".
func (b block) first() string {
	line, _, _ := strings.Cut(b.text, "\n")
	for _, mark := range []string{"#", "//", "<!--"} {
		if comment, ok := strings.CutPrefix(line, mark); ok {
			return strings.TrimSpace(strings.TrimSuffix(comment, "-->"))
		}
	}
	return ""
}

// pages are all pages of the manual, by their path from the top.
func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "BENCHMARKS.md"} {
		if _, err := os.Stat(top + name); err == nil {
			all = append(all, name)
		}
	}
	for _, folder := range []string{"docs", "deploy"} {
		err := filepath.WalkDir(top+folder, func(name string, _ fs.DirEntry, err error) error {
			if strings.HasSuffix(name, ".md") {
				all = append(all, filepath.ToSlash(strings.TrimPrefix(name, top)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// split parts a page into its fenced blocks and its prose, which has empty lines in their place.
func split(page, text string) (blocks []block, prose []string) {
	fence, open := "", block{}
	for i, line := range strings.Split(text, "\n") {
		indented := strings.TrimLeft(line, " ")
		mark := indented[:len(indented)-len(strings.TrimLeft(indented, "`"))]
		switch {
		case fence == "" && len(mark) >= 3:
			fence, open = mark, block{page: page, line: i + 2, language: strings.TrimSpace(indented[len(mark):])}
		case fence != "" && mark == fence && indented == mark:
			blocks, fence = append(blocks, open), ""
		case fence != "":
			open.text += line + "\n"
		default:
			prose = append(prose, line)
			continue
		}
		prose = append(prose, "")
	}
	return blocks, prose
}

func TestPagesKeepTheirSize(t *testing.T) {
	for _, page := range pages(t) {
		most := 12 << 10
		switch {
		case page == "README.md":
			most = 8 << 10
		case page == "BENCHMARKS.md", strings.HasPrefix(page, "docs/reference/"):
			continue
		}
		if n := len(read(t, page)); n > most {
			t.Errorf("%s has %d bytes, at most %d are allowed: cut it, or make two pages", page, n, most)
		}
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	source = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	code   = regexp.MustCompile("`[^`]*`")
	target = regexp.MustCompile(`\]\([^()]*\)`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, page := range pages(t) {
		_, prose := split(page, read(t, page))
		for i, line := range prose {
			line = code.ReplaceAllString(line, "")
			for _, m := range append(link.FindAllStringSubmatch(line, -1), source.FindAllStringSubmatch(line, -1)...) {
				if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
					if to, err := url.Parse(m[1]); err != nil || to.Scheme == "http" || to.Scheme == "https" && !strings.Contains(to.Hostname(), ".") {
						t.Errorf("%s:%d: %s is no link that others can follow: %v", page, i+1, m[1], err)
					}
					continue
				}
				links++
				to, anchor, _ := strings.Cut(m[1], "#")
				if to = path.Join(path.Dir(page), to); m[1][0] == '#' {
					to = page
				}
				if _, err := os.Stat(top + to); err != nil {
					t.Errorf("%s:%d: the link to %s leads nowhere", page, i+1, m[1])
				} else if anchor != "" && !anchors(read(t, to))[anchor] {
					t.Errorf("%s:%d: %s has no heading #%s", page, i+1, to, anchor)
				}
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are those that GitHub gives to a page's headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	_, prose := split("", text)
	for _, line := range prose {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			continue
		}
		title = target.ReplaceAllString(title, "]") // of a link the text counts
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title))
		for n, name := 1, anchor; ; n++ {
			if !all[name] {
				all[name] = true
				break
			}
			name = anchor + "-" + strconv.Itoa(n)
		}
	}
	return all
}

func TestAnchorsAreThoseOfGitHub(t *testing.T) {
	all := anchors("# The `path-rewrite` knob: how, why?\n## Same\n## Same\n```\n# no\n```\n### [A page](x.md) & more\n")
	for _, want := range []string{"the-path-rewrite-knob-how-why", "same", "same-1", "a-page--more"} {
		if !all[want] {
			t.Errorf("no #%s in %v", want, all)
		}
	}
	if len(all) != 4 {
		t.Error(all)
	}
}

// TestPagesMentionEverything: what can be set or seen is found by who searches the manual.
func TestPagesMentionEverything(t *testing.T) {
	var text strings.Builder
	for _, page := range pages(t) {
		text.WriteString(read(t, page))
	}
	names := map[string]bool{}
	for name := range reasonsInCode(t) {
		names[name] = true
	}
	for name := range handshakeFailures() {
		names[name] = true
	}
	for name := range metricNames(t) {
		names[name] = strings.HasPrefix(name, "weir_")
	}
	for _, m := range knobTag.FindAllStringSubmatch(read(t, "gateway/config/config.go"), -1) {
		names[m[1]] = true
	}
	for name, ours := range names {
		if ours && !strings.Contains(text.String(), "`"+name+"`") {
			t.Errorf("no page mentions %s", name)
		}
	}
}

var knobTag = regexp.MustCompile("`knob:\"([a-z0-9-]{2,})\"")

// TestKnobTablesHaveTheDefaults: pages repeat the defaults of some knobs, in tables that begin with Knob and Default.
func TestKnobTablesHaveTheDefaults(t *testing.T) {
	defaults := map[string]string{}
	for line := range strings.Lines(read(t, "docs/reference/knobs.md")) {
		if cells := strings.Split(line, " | "); len(cells) == 5 {
			defaults[strings.Trim(cells[0], "|` ")] = strings.Trim(cells[2], "` ")
		}
	}
	rows := 0
	for _, page := range pages(t) {
		within := false
		_, prose := split(page, read(t, page))
		for i, line := range prose {
			cells := strings.Split(line, " | ")
			within = strings.HasPrefix(line, "| Knob | Default |") || within && len(cells) > 2
			names := quoted.FindAllStringSubmatch(cells[0], -1)
			if !within || len(names) == 0 {
				continue
			}
			rows++
			told := quoted.FindAllStringSubmatch(cells[1], -1)
			for j, name := range names {
				if preset, ok := defaults[name[1]]; !ok {
					t.Errorf("%s:%d: there is no knob %s", page, i+1, name[1])
				} else if len(told) == len(names) && told[j][1] != preset {
					t.Errorf("%s:%d: the default of %s is %q, not %q", page, i+1, name[1], preset, told[j][1])
				}
			}
		}
	}
	if rows < 10 {
		t.Errorf("only %d rows were found", rows)
	}
}
