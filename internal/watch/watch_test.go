package watch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/watch"
)

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Each look after a change of the world: its value and what is told of it, on a look of its own accord and on demand.
func TestFiles(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	parsed := 0
	f := watch.Files[string]{What: "words", Names: []string{one, two}, Max: 8,
		Parse: func(content [][]byte) (string, error) {
			parsed++
			if len(content[0]) == 0 {
				return "nothing", errors.New("the first is empty")
			}
			return fmt.Sprintf("%s-%s", content[0], content[1]), nil
		},
		Warn: func(s string) error {
			if strings.Contains(s, "old") {
				return errors.New("old")
			}
			return nil
		},
	}
	if f.Value() != "" {
		t.Errorf("%q before the first look", f.Value())
	}
	set := func(first, second string) func() {
		return func() { put(t, one, first); put(t, two, second) }
	}
	same := func() {}
	for _, step := range []struct {
		when         string
		change       func()
		value        string
		parsed       int
		told, forced string // "" if nothing is told
	}{
		{"no file", same, "", 0, "there is no file " + one, "there is no file " + one},
		{"still none", same, "", 0, "", "there is no file " + one},
		{"two files", set("a", "b"), "a-b", 1, "<nil>", "<nil>"},
		{"nothing new", same, "a-b", 1, "", ""},
		{"written again", set("a", "b"), "a-b", 1, "", ""},
		{"a byte over the border", set("ab", ""), "ab-", 2, "<nil>", "<nil>"},
		{"broken", set("", "c"), "ab-", 3, "the first is empty", "the first is empty"},
		{"still broken", same, "ab-", 4, "", "the first is empty"},
		{"too long", set("a", "123456789"), "ab-", 4, two + " is larger than 8 bytes", two + " is larger than 8 bytes"},
		{"as it was", set("ab", ""), "ab-", 4, "", ""},
		{"broken again is news", set("", "c"), "ab-", 5, "the first is empty", "the first is empty"},
		{"taken with a warning", set("old", ""), "old-", 6, "<nil>|old", "<nil>|old"},
	} {
		step.change()
		out := f.Look()
		if f.Value() != step.value || parsed != step.parsed || out.Changed != strings.HasPrefix(step.told, "<nil>") {
			t.Errorf("%s: %q, parsed %d times, %+v", step.when, f.Value(), parsed, out)
		}
		for again, want := range map[bool]string{false: step.told, true: step.forced} {
			var told []string
			out.Tell(again, func(what string, err error) {
				if what != "words" {
					t.Errorf("told of %s", what)
				}
				told = append(told, fmt.Sprint(err))
			})
			if got := strings.Join(told, "|"); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
				t.Errorf("%s, asked %v: told %q, want %q", step.when, again, got, want)
			}
		}
	}
}

func TestFilesOfNone(t *testing.T) {
	f := watch.Files[int]{Parse: func([][]byte) (int, error) { return 7, nil }}
	if first, second := f.Look(), f.Look(); !first.Changed || second.Changed || f.Value() != 7 {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestFailures(t *testing.T) {
	err := watch.Failures(watch.Outcome{What: "a", Err: errors.New("x")}, watch.Outcome{What: "b"}, watch.Outcome{What: "c", Err: errors.New("y")})
	if err == nil || err.Error() != "a: x\nc: y" || watch.Failures(watch.Outcome{What: "b"}) != nil {
		t.Errorf("got %v", err)
	}
}

// TestReadText: the mark before UTF-8 is no part of the text, and UTF-16 is told of.
func TestReadText(t *testing.T) {
	name := filepath.Join(t.TempDir(), "text")
	for content, want := range map[string]string{"\ufeff10.0.0.1\n": "10.0.0.1\n", "10.0.0.1": "10.0.0.1", "": "", "\ufeff": "", "a\ufeff": "a\ufeff"} {
		put(t, name, content)
		if b, err := watch.Read(name, 100); err != nil || string(b) != want {
			t.Errorf("%q: %q, %v", content, b, err)
		}
	}
	for _, content := range []string{"\xff\xfea\x00", "\xfe\xff\x00a"} {
		put(t, name, content)
		if _, err := watch.Read(name, 100); err == nil || err.Error() != name+" is text in UTF-16: save it as UTF-8" {
			t.Errorf("%q: %v", content, err)
		}
	}
}
