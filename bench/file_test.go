//go:build linux

package bench

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "file")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		at, text string
		mode     os.FileMode
	}{{path, "a long text", 0o644}, {path, "short", 0o600}, {link, "through a link", 0o600}} {
		if err := WriteFile(step.at, []byte(step.text)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		at, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(b) != step.text || at.Mode() != step.mode {
			t.Errorf("%q, %v, %v, %v; want %q", b, at, err, statErr, step.text)
		}
		os.Chmod(path, 0o600) // which the next one keeps
	}
	if at, err := os.Lstat(link); err != nil || at.Mode().IsRegular() {
		t.Errorf("the link was replaced: %v", err)
	}
	if err := WriteFile("/dev/null", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := WriteFile(path+"/below", nil); err == nil {
		t.Error("a file became a folder")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%v, %v; want the one file", left, err)
	}
}
