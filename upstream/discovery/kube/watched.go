package kube

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"weir/upstream/discovery"
)

// watched is a Service that somebody watches, and its EndpointSlices.
type watched struct {
	end     context.CancelFunc
	running sync.WaitGroup
	holders int // under the client's lock

	mu        sync.Mutex
	services  mirror[ports] // one or none
	slices    mirror[slice]
	listeners map[chan struct{}]struct{} // each has room for one: there was a change
}

// hold returns what watches a Service. The first who asks makes it begin.
func (c *Client) hold(s service) *watched {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.watched[s]
	if w == nil {
		w = c.begin(s)
		c.watched[s] = w
	}
	w.holders++
	return w
}

// release ends the watches with their last holder, and waits for that.
func (c *Client) release(s service) {
	c.mu.Lock()
	w := c.watched[s]
	w.holders--
	last := w.holders == 0
	if last {
		delete(c.watched, s)
	}
	c.mu.Unlock()
	if !last {
		return
	}
	w.end()
	w.running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.watched) == 0 {
		c.rest()
	}
}

func (c *Client) begin(s service) *watched {
	w := &watched{listeners: map[chan struct{}]struct{}{}}
	w.services = mirror[ports]{
		of: resource{client: c.core, name: "services", example: &corev1.Service{}, namespace: s.namespace,
			// A Role may allow this with resourceNames.
			selectable: func(o *metav1.ListOptions) {
				o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, s.name).String()
			}},
		reduce: func(o runtime.Object) ports { return reduceService(o.(*corev1.Service)) },
		update: w.update, explain: c.explain,
	}
	w.slices = mirror[slice]{
		of: resource{client: c.discovery, group: discoveryv1.GroupName, name: "endpointslices",
			example: &discoveryv1.EndpointSlice{}, namespace: s.namespace,
			selectable: func(o *metav1.ListOptions) {
				o.LabelSelector = labels.Set{discoveryv1.LabelServiceName: s.name}.String()
			}},
		reduce: func(o runtime.Object) slice { return reduceSlice(o.(*discoveryv1.EndpointSlice)) },
		update: w.update, explain: c.explain,
	}
	ctx, end := context.WithCancel(context.Background())
	w.end = end
	w.running.Go(func() { w.services.run(ctx, c) })
	w.running.Go(func() { w.slices.run(ctx, c) })
	return w
}

// update runs a change and tells those who listen.
func (w *watched) update(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	for l := range w.listeners {
		select {
		case l <- struct{}{}:
		default: // it has not looked since the last one
		}
	}
}

// listen returns a channel on which changes are told, what is there already being the first.
func (w *watched) listen() chan struct{} {
	l := make(chan struct{}, 1)
	l <- struct{}{}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners[l] = struct{}{}
	return l
}

func (w *watched) ignore(l chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.listeners, l)
}

// look returns the targets behind a port, nil while they are not known, and what is wrong, each whatever the other.
func (w *watched) look(s Service) (set []discovery.Target, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.services.objects != nil && w.slices.objects != nil {
		var port string
		if port, err = s.in(w.services.objects); err == nil {
			set = targets(w.slices.objects, port)
		}
	}
	for _, failure := range []error{w.slices.err, w.services.err} {
		if failure != nil {
			err = failure
		}
	}
	return set, err
}
