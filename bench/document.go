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

// reportSection is the name of the report's part of a document; the others' are beside what they hold.
const reportSection = "bench"

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

// surroundings are the sides of the report; a document that is not there is begun with an introduction.
func surroundings(path string) (head, tail string, err error) {
	head, tail, found, err := sides(path, reportSection, intro)
	if err == nil && !found {
		begin, end := marks(reportSection)
		err = fmt.Errorf("%s holds no %s ... %s to write between", path, begin, end)
	}
	return head, tail, err
}

// sides are what stands before and behind the section of that name in the document at path, or in a fresh one if
// there is none.
func sides(path, name, fresh string) (head, tail string, found bool, err error) {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		old, err = []byte(fresh), nil
	}
	if err != nil {
		return "", "", false, err
	}
	begin, end := marks(name)
	head, rest, found := strings.Cut(string(old), begin)
	_, tail, closed := strings.Cut(rest, end)
	if found && !closed {
		return "", "", false, fmt.Errorf("%s: %s has no %s behind it", path, begin, end)
	}
	return head, tail, found, nil
}

func marks(name string) (begin, end string) {
	return "<!-- " + name + ":begin -->", "<!-- " + name + ":end -->"
}

// WriteDocument puts the report between the marks of the file at path, and leaves all else in it alone.
func (r *Report) WriteDocument(path string, beside Beside) error {
	head, tail, err := surroundings(path)
	if err != nil {
		return err
	}
	begin, end := marks(reportSection)
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n\n%s\n%s", head, begin, r.Machine.measured(r.When), r.Effort())
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
	fmt.Fprintf(&b, "\n%s%s", end, tail)
	return WriteFile(path, []byte(b.String()))
}

// Effort is a sentence about how much was measured.
func (r *Report) Effort() string {
	var once, longer []string
	for _, scenario := range r.Scenarios {
		if scenario.Once {
			once = append(once, scenario.Name)
		}
		if least := scenario.Least.Seconds(); least > r.Seconds {
			longer = append(longer, fmt.Sprintf("%g s in %s", least, scenario.Name))
		}
	}
	s := fmt.Sprintf("%g s for each cell", r.Seconds)
	if len(longer) > 0 {
		s += " (" + strings.Join(longer, ", ") + ")"
	}
	switch {
	case r.Rounds == 1:
		return "One round of " + s + "."
	case len(once) > 0:
		s += ", but one of " + strings.Join(once, " and ")
	}
	return fmt.Sprintf("Medians of %d rounds of %s.", r.Rounds, s)
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
