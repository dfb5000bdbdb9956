package health

import (
	"fmt"
	"strings"
	"time"
)

// Defaults stand in for zeroes.
const (
	DefaultTimeout = 2 * time.Second
	DefaultRise    = 2
	DefaultFall    = 3
)

// Options shape the checks.
type Options struct {
	Path     string        // of the GET, with a query if need be; "": a connection is enough
	Interval time.Duration // from the end of one check to the next, give or take a tenth; 0: no checks
	Timeout  time.Duration // of a whole check; 0: two seconds
	Rise     int           // good checks in a row that bring a backend back; 0: two
	Fall     int           // bad checks in a row that mark it down; 0: three
	Seed     uint64        // of the jitter, for tests; 0: chance
}

// Complete puts defaults for zeroes and refuses what cannot be meant.
func (o Options) Complete() (Options, error) {
	switch {
	case o.Path != "" && (o.Path[0] != '/' || strings.ContainsFunc(o.Path, notInTarget)):
		return o, fmt.Errorf("health path %q does not start with / or holds characters a request line must not", o.Path)
	case o.Interval < 0:
		return o, fmt.Errorf("health interval %v is negative", o.Interval)
	case o.Timeout < 0:
		return o, fmt.Errorf("health timeout %v is negative", o.Timeout)
	case o.Rise < 0:
		return o, fmt.Errorf("health rise %d is negative", o.Rise)
	case o.Fall < 0:
		return o, fmt.Errorf("health fall %d is negative", o.Fall)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Rise == 0 {
		o.Rise = DefaultRise
	}
	if o.Fall == 0 {
		o.Fall = DefaultFall
	}
	return o, nil
}

// notInTarget tells what RFC 9112 section 3.2 keeps out of a request target: spaces
// and controls would end it early, and a fragment is never sent.
func notInTarget(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }
