package auth

import (
	"fmt"
	"io"
	"os"
)

// maxFile bounds a file of keys or users, in bytes.
const maxFile = 1 << 20

// load reads a file and parses it. An error names the file; what parse says goes behind its name.
func load[T any](name string, parse func([]byte) (T, error)) (value T, err error) {
	f, err := os.Open(name)
	if err != nil {
		return value, err // says what, which file and why
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("is larger than %d bytes", maxFile)
	}
	if err == nil {
		value, err = parse(b)
	}
	if err != nil {
		return value, fmt.Errorf("%s %w", name, err)
	}
	return value, nil
}
