//go:build linux

package bench

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	beginMark = "<!-- bench:begin -->"
	endMark   = "<!-- bench:end -->"
)

//go:embed intro.md
var intro string

// Beside are files that the document links to, where they are: a folder of WritePlots and the report
// as JSON, each empty if there is none.
type Beside struct{ Plots, Data string }

// CheckDocument tells, before anything is measured, whether WriteDocument would find its marks.
func CheckDocument(path string) error {
	_, _, err := surroundings(path)
	return err
}

// surroundings are what stands before and behind the marks in the file at path; one that is not there is
// begun with an introduction.
func surroundings(path string) (head, tail string, err error) {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		old, err = []byte(intro), nil
	}
	if err != nil {
		return "", "", err
	}
	head, rest, found := strings.Cut(string(old), beginMark)
	_, tail, closed := strings.Cut(rest, endMark)
	if !found || !closed {
		return "", "", fmt.Errorf("%s holds no %s ... %s to write between", path, beginMark, endMark)
	}
	return head, tail, nil
}

// WriteDocument puts the report between the marks of the file at path, and leaves all else in it alone.
func (r *Report) WriteDocument(path string, beside Beside) error {
	head, tail, err := surroundings(path)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n\nMeasured on %s: %s.\n%s",
		head, beginMark, r.When.UTC().Format("2 January 2006"), r.Machine.Where(), r.Effort())
	if beside.Data != "" {
		fmt.Fprintf(&b, " Every figure of every round: [%s](%s).", filepath.Base(beside.Data), link(path, beside.Data))
	}
	b.WriteString("\n\n")
	writeGoals(&b, r.Goals)
	if beside.Plots != "" {
		for _, p := range r.pictures() {
			fmt.Fprintf(&b, "![%s](%s)\n\n", p.title, link(path, filepath.Join(beside.Plots, p.file)))
		}
	}
	if err := r.WriteTable(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s%s", endMark, tail)
	return WriteFile(path, []byte(b.String()))
}

// Effort is a sentence about how much was measured.
func (r *Report) Effort() string {
	s := fmt.Sprintf("Medians of %d rounds of %g s for each cell", r.Rounds, r.Seconds)
	var once []string
	for _, scenario := range r.Scenarios {
		if scenario.Once {
			once = append(once, scenario.Name)
		}
	}
	switch {
	case r.Rounds == 1:
		return fmt.Sprintf("One round of %g s for each cell.", r.Seconds)
	case len(once) > 0:
		s += ", but one of " + strings.Join(once, " and ")
	}
	return s + "."
}

// link is how a document names another file.
func link(document, file string) string {
	from, err1 := filepath.Abs(filepath.Dir(document))
	to, err2 := filepath.Abs(file)
	relative, err3 := filepath.Rel(from, to)
	if errors.Join(err1, err2, err3) != nil {
		return file
	}
	return filepath.ToSlash(relative)
}
