package clientaddr

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
)

const (
	maxFile     = 32 << 20 // bytes
	maxRanges   = 200_000  // in a list
	maxLine     = 1024     // bytes
	maxProblems = 10       // told at once
)

// read adds a list's elements, one a line, with # before comments. name is what errors call the list; they tell the lines.
func (s *Set) read(name string, list []byte) error {
	var problems []error
	lines := bufio.NewScanner(bytes.NewReader(list))
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
	if lines.Err() != nil { // there is but one kind
		problems = append(problems, fmt.Errorf("%s:%d: a line longer than %d bytes", name, line, maxLine))
	}
	return errors.Join(problems...)
}
