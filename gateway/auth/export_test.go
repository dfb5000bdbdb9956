package auth

// What has parsers of its own behind files, for fuzzing.
func ParseKeySet(b []byte) error { _, err := parseKeySet(b, false); return err }
func ParseUsers(b []byte) error  { _, err := parseUsers(b); return err }
func ParseObject(b []byte) (map[string]any, error) {
	return parseObject(b)
}

// Find is whether a credential is at a source.
func (s Source) Find(r *Request) bool { _, n := s.find(r); return n > 0 }
