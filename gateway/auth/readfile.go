package auth

import "weir/internal/watch"

// maxFile bounds a file of keys or users, in bytes.
const maxFile = 1 << 20

// fileOf is a value that parse makes of a file.
func fileOf[T any](what, name string, parse func([]byte) (T, error)) *watch.Files[T] {
	return &watch.Files[T]{What: what + " " + name, Names: []string{name}, Max: maxFile,
		Parse: func(content [][]byte) (T, error) { return parse(content[0]) }}
}
