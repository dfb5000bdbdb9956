package upstream

import (
	"slices"
	"time"
)

// A Lookup is how it stands with a host name among the backends.
type Lookup struct {
	Host     string
	Backends []string  // that the name stands for, as a URL each
	Known    bool      // it has led to an address; a look-up that fails later changes nothing
	Failures uint64    // look-ups that failed
	Error    string    // of the last one; "": it did not fail
	Since    time.Time // of the first failure in a row
}

// Lookups are all host names, in order. The slice is the caller's.
func (g *Group) Lookups() []Lookup {
	if known := g.lookups.Load(); known != nil {
		return slices.Clone(*known)
	}
	var all []Lookup
	for _, host := range g.hosts() {
		l := Lookup{Host: host}
		for _, s := range g.specs {
			if s.isName() && s.Host == host {
				l.Backends = append(l.Backends, s.base())
			}
		}
		all = append(all, l)
	}
	return all
}

// done takes the outcome of a look-up.
func (l *Lookup) done(err error) {
	if err == nil {
		l.Known, l.Error, l.Since = true, "", time.Time{}
		return
	}
	if l.Failures++; l.Error == "" {
		l.Since = time.Now()
	}
	l.Error = err.Error()
}
