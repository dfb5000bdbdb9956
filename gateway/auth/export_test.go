package auth

import "time"

// What has parsers of its own behind files, for fuzzing.
func ParseKeySet(b []byte) error { _, err := parseKeySet(b, false); return err }
func ParseUsers(b []byte) error  { _, err := parseUsers(b); return err }
func ParseObject(b []byte) (map[string]any, error) {
	return parseObject(b)
}

// Times makes a key set's URL be asked in a hurry; zero leaves what is usual.
func (o *JWT) Times(interval, window, timeout time.Duration) {
	o.times = fetchTimes{interval, window, timeout}
}

// Bounds makes for a small crowd in front of the service; zero leaves what is usual.
func (o *Forward) Bounds(concurrency, cacheSize int) {
	o.bounds = forwardBounds{concurrency, cacheSize}
}

// Find is whether a credential is at a source.
func (s Source) Find(r *Request) bool { _, n := s.find(r); return n > 0 }
