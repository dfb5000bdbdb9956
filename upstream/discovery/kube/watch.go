package kube

import (
	"context"
	"slices"
	"time"

	"weir/upstream/discovery"
)

// calm is how long changes are collected, since the API tells of one slice after the other: when endpoints move between slices
// they are for a moment in none of them.
const calm = 100 * time.Millisecond

// Watch calls changed with all targets of a Service's port, and again whenever they are others, until ctx ends. The calls come
// from the goroutine that called Watch, one at a time; the slice is the callee's. It is empty, and not nil, if the Service has
// no endpoints.
//
// While something is wrong changed is told why instead, once for each cause, with no targets: those that were told last
// are still the best that is known. They are told again, changed or not, when all is well. Who begins to watch a Service in
// such a time is told what others know of it, and then what is wrong.
func (c *Client) Watch(ctx context.Context, s Service, changed func([]discovery.Target, error)) {
	if err := s.validate(); err != nil {
		changed(nil, err)
		<-ctx.Done()
		return
	}
	key := service{s.Namespace, s.Name}
	w := c.hold(key)
	defer c.release(key)
	news := w.listen()
	defer w.ignore(news)

	t := teller{changed: changed}
	for {
		select {
		case <-ctx.Done():
			return
		case <-news:
		}
		if t.last != nil || t.wrong != "" {
			select {
			case <-ctx.Done():
				return
			case <-time.After(calm):
			}
		}
		t.tell(w.look(s))
	}
}

// A teller knows what was told.
type teller struct {
	changed func([]discovery.Target, error)
	last    []discovery.Target // nil: nothing yet
	wrong   string             // "": all is well
}

func (t *teller) tell(set []discovery.Target, err error) {
	if set != nil && (t.last == nil || err == nil && (t.wrong != "" || !slices.Equal(set, t.last))) {
		t.last, t.wrong = set, ""
		t.changed(slices.Clone(set), nil)
	}
	if err != nil && err.Error() != t.wrong {
		t.wrong = err.Error()
		t.changed(nil, err)
	}
}
