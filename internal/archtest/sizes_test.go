package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mostLines is what CONTRIBUTING.md allows a file. Most have a fifth of it.
const mostLines = 600

func TestFilesKeepTheirSize(t *testing.T) {
	top, files := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if lines := bytes.Count(text, []byte("\n")); lines > mostLines {
			t.Errorf("%s has %d lines, at most %d are allowed: split it by concern", path, lines, mostLines)
		}
		files++
		return err
	})
	if err != nil || files < 500 {
		t.Errorf("%d files were read, %v", files, err)
	}
}
