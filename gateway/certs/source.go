package certs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxFile bounds what is read of a file, in bytes; a chain with its key takes about 10 KiB.
const maxFile = 1 << 20

// source is a value made of files. It compares content: a mounted secret changes by a swapped link, and times lie.
type source[T any] struct {
	what  string // in the words of a log line
	files []string
	parse func(content [][]byte) (T, error)
	warn  func(T) error // nil: nothing to warn of

	value T
	sum   [sha256.Size]byte // of the content that value was made of
	told  string            // the failure that was told last
}

// outcome is what a look at a source came to.
type outcome struct {
	what    string
	changed bool
	err     error // the old value stays
	news    bool  // err was not told before; a file that stays broken is told of once
	warning error // of a value that was taken
}

// look reads the files again. Whatever fails leaves value as it was, and the next look tries again.
func (s *source[T]) look() outcome {
	out := outcome{what: s.what}
	if out.changed, out.err = s.take(); out.err != nil {
		out.news, s.told = out.err.Error() != s.told, out.err.Error()
		return out
	}
	s.told = ""
	if out.changed && s.warn != nil {
		out.warning = s.warn(s.value)
	}
	return out
}

func (s *source[T]) take() (changed bool, err error) {
	content, hash := make([][]byte, len(s.files)), sha256.New()
	for i, name := range s.files {
		if content[i], err = readFile(name); err != nil {
			return false, err
		}
		part := sha256.Sum256(content[i])
		hash.Write(part[:])
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	if sum == s.sum {
		return false, nil
	}
	value, err := s.parse(content)
	if err != nil {
		return false, err
	}
	s.value, s.sum = value, sum
	return true, nil
}

func readFile(name string) ([]byte, error) {
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
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes: it is no PEM or key file", name, maxFile)
	}
	return b, err
}
