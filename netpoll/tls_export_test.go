package netpoll

// WithoutLending runs as with a version of Go whose tls.Conn has other fields, until the function it returns is called.
// No loop may run meanwhile.
func WithoutLending() (restore func()) {
	was := lending
	lending = false
	return func() { lending = was }
}

// Lending tells whether this version of Go has the fields.
func Lending() bool { return lending }
