package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Read is os.ReadFile for at most limit bytes of text, with errors that say what to do. The mark that some editors put
// before UTF-8 is left out.
func Read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s: check the path", name)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s may not be read by this user (uid %d): change its owner or mode", name, os.Getuid())
	case err != nil:
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	if err == nil && (bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff})) {
		err = fmt.Errorf("%s is text in UTF-16: save it as UTF-8", name)
	}
	return bytes.TrimPrefix(b, []byte("\ufeff")), err
}
