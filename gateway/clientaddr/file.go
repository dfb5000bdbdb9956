package clientaddr

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	maxRanges   = 200_000 // in a list
	maxLine     = 1024    // bytes
	maxProblems = 10      // told at once
)

// ReadSet reads a list as ParseSet does, one element a line, with # before comments, up to 200,000 elements. name is
// what errors call the list; they tell the lines.
func ReadSet(name string, r io.Reader) (*Set, error) {
	s := new(Set)
	if err := s.read(name, r); err != nil {
		return nil, err
	}
	s.join()
	return s, nil
}

func (s *Set) read(name string, r io.Reader) error {
	var problems []error
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	line := 1
	for ; lines.Scan() && len(problems) < maxProblems; line++ {
		text, _, _ := bytes.Cut(lines.Bytes(), []byte{'#'})
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if s.Len() == maxRanges {
			return fmt.Errorf("%s:%d: more than %d ranges; write neighbours as one wider range", name, line, maxRanges)
		}
		if err := s.add(string(text)); err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %w", name, line, err))
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		problems = append(problems, fmt.Errorf("%s:%d: a line longer than %d bytes", name, line, maxLine))
	case err != nil:
		problems = append(problems, fmt.Errorf("%s:%d: %w", name, line, err))
	}
	return errors.Join(problems...)
}

func (s *Set) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.read(path, f)
}
