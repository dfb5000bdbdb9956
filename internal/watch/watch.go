package watch

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Files is a value made of files. It compares content: a mounted secret changes by a swapped link, and times lie. Any
// goroutine.
type Files[T any] struct {
	// immutable
	What  string   // in the words of a log line
	Names []string // may be none; then there is one look to take
	Max   int64    // bytes of each
	Parse func(content [][]byte) (T, error)
	Warn  func(T) error // nil: nothing to warn of
	Terms string        // what Parse depends on besides, as text
	Past  Past          // nil: there is none; the first look forgets it, or no configuration would ever be gone

	looking sync.Mutex        // over the rest
	sum     [sha256.Size]byte // of the content that value was made of
	told    string            // the last failure

	value atomic.Pointer[T]
}

// Past finds what the configuration before made of the same files, by their Key: a *Files, or nil. What is made of something
// else may have keys of its own.
type Past func(key string) any

// Key is by what the same files are known again.
func (f *Files[T]) Key() string { return f.What + "\x00" + f.Terms }

// inherit takes the value of before, so that a file which no longer loads stays as it was.
func (f *Files[T]) inherit(past Past) bool {
	if past == nil || f.value.Load() != nil {
		return false
	}
	old, ok := past(f.Key()).(*Files[T])
	if !ok || old.value.Load() == nil {
		return false
	}
	old.looking.Lock()
	defer old.looking.Unlock()
	f.value.Store(old.value.Load())
	f.sum = old.sum
	return true
}

// Outcome is what a look came to.
type Outcome struct {
	What    string
	Changed bool
	Err     error  // the old value stays
	File    string // that Err is about
	Kept    bool   // likewise, and it is that of the configuration before
	News    bool   // Err is not that of the look before
	Warning error  // of a value that was taken
}

// Tell calls tell for a change (nil), a failure that is news or asked for again, and a warning.
func (o *Outcome) Tell(again bool, tell func(what string, err error)) {
	if o.Changed || o.Err != nil && (o.News || again) {
		tell(o.What, o.Err)
	}
	if o.Warning != nil {
		tell(o.What, o.Warning)
	}
}

// Value is that of the last look that went well, and zero before.
func (f *Files[T]) Value() (value T) {
	if p := f.value.Load(); p != nil {
		value = *p
	}
	return value
}

// Look reads the files again. Whatever fails leaves the value as it was, and the next look tries again.
func (f *Files[T]) Look() Outcome {
	f.looking.Lock() // so that what was read last is what counts
	defer f.looking.Unlock()
	past := f.Past
	f.Past = nil
	out := Outcome{What: f.What}
	if out.Changed, out.File, out.Err = f.take(); out.Err != nil {
		out.News, f.told = out.Err.Error() != f.told, out.Err.Error()
		out.Kept = f.inherit(past)
		return out
	}
	f.told = ""
	if out.Changed && f.Warn != nil {
		out.Warning = f.Warn(f.Value())
	}
	return out
}

// take reads the files; file is the one that err is about.
func (f *Files[T]) take() (changed bool, file string, err error) {
	content, hash := make([][]byte, len(f.Names)), sha256.New()
	for i, name := range f.Names {
		if content[i], err = Read(name, f.Max); err != nil {
			return false, name, err
		}
		part := sha256.Sum256(content[i])
		hash.Write(part[:])
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	if sum == f.sum {
		return false, "", nil
	}
	value, err := f.Parse(content)
	if err != nil {
		return false, f.blamed(err), err
	}
	f.value.Store(&value)
	f.sum = sum
	return true, "", nil
}

// blamed is the file that an error of Parse is about: the one that it begins with, else the first.
func (f *Files[T]) blamed(err error) (file string) {
	for _, name := range slices.Backward(f.Names) {
		if file = name; strings.HasPrefix(err.Error(), name+":") {
			break
		}
	}
	return file
}

// Error is what went wrong with a value, and the file that it is about.
type Error struct {
	What, File string
	Err        error
}

func (e *Error) Error() string { return e.What + ": " + e.Err.Error() }

// Unwrap gives the error without what it befell.
func (e *Error) Unwrap() error { return e.Err }

// Failures joins what went wrong, each with what it befell; nil if nothing did, or what was there before is kept.
func Failures(all ...Outcome) error {
	var errs []error
	for _, out := range all {
		if out.Err != nil && !out.Kept {
			errs = append(errs, &Error{out.What, out.File, out.Err})
		}
	}
	return errors.Join(errs...)
}
