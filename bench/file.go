//go:build linux

package bench

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile puts b into the file at path, whose folder is made if it is not there. Whoever reads it finds the old
// file or the new one, never a part: it is written beside and renamed. What is no plain file is written into.
func WriteFile(path string, b []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := os.FileMode(0o644)
	switch at, err := os.Stat(path); {
	case err == nil && !at.Mode().IsRegular():
		return os.WriteFile(path, b, mode)
	case err == nil:
		mode = at.Mode().Perm()
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
