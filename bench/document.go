//go:build linux

package bench

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	beginMark = "<!-- bench:begin -->"
	endMark   = "<!-- bench:end -->"
)

//go:embed intro.md
var intro string

// WriteDocument puts the report between the marks of the file at path, and leaves all else in it
// alone. A file that is not there is begun with an introduction.
func (r *Report) WriteDocument(path string) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		old, err = []byte(intro), nil
	}
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(old), beginMark)
	_, tail, closed := strings.Cut(rest, endMark)
	if !found || !closed {
		return fmt.Errorf("%s holds no %s ... %s to write between", path, beginMark, endMark)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n\nMeasured on %s: %s.\n%d rounds of %g s for each cell, medians.\n\n",
		head, beginMark, r.When.UTC().Format("2 January 2006"), r.Machine.Where(), r.Rounds, r.Seconds)
	if err := r.WriteTable(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s%s", endMark, tail)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
