package auth

import "weir/internal/watch"

// maxFile bounds a file of keys or users, in bytes.
const maxFile = 1 << 20

// fileOf is a value that parse makes of a file.
func fileOf[T any](past watch.Past, what, name string, parse func([]byte) (T, error)) *watch.Files[T] {
	return &watch.Files[T]{Past: past, What: what + " " + name, Names: []string{name}, Max: maxFile,
		Parse: func(content [][]byte) (T, error) { return parse(content[0]) }}
}

// inherited is what the policy before has by this key; the zero value if it has nothing.
func inherited[T any](past watch.Past, key string) (was T) {
	if past != nil {
		was, _ = past(key).(T)
	}
	return was
}

// keyed is f, if it has this key.
func keyed[T any](f *watch.Files[T], key string) any {
	if f == nil || f.Key() != key {
		return nil
	}
	return f
}
