package auth

import "weir/internal/watch"

// maxFile bounds a file of keys or users, in bytes.
const maxFile = 1 << 20

// fileOf is a value that parse makes of a file.
func fileOf[T any](past watch.Past, what, name string, parse func([]byte) (T, error)) *watch.Files[T] {
	return &watch.Files[T]{Past: past, What: what + " " + name, Names: []string{name}, Max: maxFile,
		Parse: func(content [][]byte) (T, error) { return parse(content[0]) }}
}

// keyed is f, if it has this key.
func keyed[T any](f *watch.Files[T], key string) any {
	if f == nil || f.Key() != key {
		return nil
	}
	return f
}
