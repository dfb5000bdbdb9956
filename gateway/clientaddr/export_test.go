package clientaddr

// ReadSet is what Open makes of a list's file.
func ReadSet(name string, list []byte) (*Set, error) {
	s := new(Set)
	err := s.read(name, list)
	s.join()
	return s, err
}
