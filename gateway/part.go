package gateway

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// part is what several plans may have in common: backends, certificates, the check of credentials. It begins with the first
// of them that comes into force, and ends when nobody holds it any more. Any goroutine.
type part struct {
	begin   func() // may be nil
	end     func() // may wait for what it ends
	parting *sync.WaitGroup

	once    sync.Once
	holders atomic.Int64
}

// textOf is all that the options of a part say, to compare them by: a slice, or every field of a struct and what it points
// to. It is taken before the options are given what they work with, as of that it would say where it lies.
func textOf(options any) string {
	v := reflect.ValueOf(options)
	if v.Kind() == reflect.Slice {
		return fmt.Sprintf("%q", options)
	}
	var b strings.Builder
	for i := range v.NumField() {
		fmt.Fprintf(&b, "%#v\n", reflect.Indirect(v.Field(i)))
	}
	return b.String()
}

func (p *part) start() {
	if p.begin != nil {
		p.once.Do(p.begin)
	}
}

func (p *part) hold() { p.holders.Add(1) }

// release never waits: the last holder may be a loop.
func (p *part) release() {
	if p.holders.Add(-1) == 0 {
		p.parting.Go(p.end)
	}
}
