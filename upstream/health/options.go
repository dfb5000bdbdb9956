package health

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// Defaults stand in for zeroes.
const (
	DefaultTimeout = 2 * time.Second
	DefaultRise    = 2
	DefaultFall    = 3
)

// A Kind is what a check asks for.
type Kind string

const (
	TCP       Kind = "tcp"       // a connection, its TLS included
	HTTP      Kind = "http"      // an answer to a GET
	WebSocket Kind = "websocket" // a WebSocket, closed at once
)

// Options shape the checks. They are comparable: checks that ask the same have the same, once complete.
type Options struct {
	Kind     Kind          // "": HTTP where there is a path, else TCP
	Path     string        // with a query if need be; "": / for HTTP and WebSocket
	Host     string        // sent as Host; "": the backend's own
	Fields   string        // sent besides, as lines "Name: value", all of them ended
	Statuses string        // of an answer to a GET that is well, such as "204,300-399"; "": 200 to 399
	Port     uint16        // of the checks; 0: the backend's own
	Interval time.Duration // from the end of one check to the next, give or take a tenth; 0: no checks
	Timeout  time.Duration // of a whole check; 0: two seconds
	Rise     int           // good checks in a row that bring a backend back; 0: two
	Fall     int           // bad checks in a row that mark it down; 0: three
	Seed     uint64        // of the jitter, for tests; 0: chance
}

// Complete puts defaults for zeroes, takes away what the kind has no use for, and refuses what cannot be meant.
func (o Options) Complete() (Options, error) {
	switch {
	case o.Kind != "" && o.Kind != TCP && o.Kind != HTTP && o.Kind != WebSocket:
		return o, fmt.Errorf("health check %q is not tcp, http or websocket", o.Kind)
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
	if o.Kind == "" {
		o.Kind = TCP
		if o.Path != "" {
			o.Kind = HTTP
		}
	}
	switch {
	case o.Kind == TCP:
		o.Path, o.Host, o.Fields, o.Statuses = "", "", "", ""
	case o.Path == "":
		o.Path = "/"
	}
	switch {
	case o.Kind != HTTP:
		o.Statuses = ""
	case o.Statuses == "":
		o.Statuses = "200-399"
	}
	for text := range o.ranges() {
		if _, _, err := parseRange(text); err != nil {
			return o, err
		}
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

// Judge tells whether a status is well.
func (o Options) Judge(status int) error {
	for text := range o.ranges() {
		if low, high, _ := parseRange(text); low <= status && status <= high {
			return nil
		}
	}
	return fmt.Errorf("status %d", status)
}

func (o Options) ranges() iter.Seq[string] {
	if o.Statuses == "" {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(o.Statuses, ",")
}

// parseRange reads a status, or two with all between.
func parseRange(text string) (low, high int, err error) {
	from, to, two := strings.Cut(text, "-")
	if !two {
		to = from
	}
	low, err = strconv.Atoi(from)
	high, err2 := strconv.Atoi(to)
	if err != nil || err2 != nil || low < 200 || high > 599 || low > high {
		return 0, 0, fmt.Errorf("%q is not a status from 200 to 599, nor a range such as 200-399", text)
	}
	return low, high, nil
}

// notInTarget tells what RFC 9112 section 3.2 keeps out of a request target: spaces
// and controls would end it early, and a fragment is never sent.
func notInTarget(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }
