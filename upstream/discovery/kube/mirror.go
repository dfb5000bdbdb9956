package kube

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// A resource is a kind of objects in a namespace, of which some are selected.
type resource struct {
	client     rest.Interface
	group      string // "" is the core's
	name       string
	example    runtime.Object
	namespace  string
	selectable func(*metav1.ListOptions)
}

// A mirror has a copy of selected objects, reduced to what counts. A reflector keeps it, which lists, watches from there on,
// and lists again when the watch has expired.
type mirror[T any] struct {
	of      resource
	reduce  func(runtime.Object) T
	update  func(change func()) // runs a change under the lock that guards the rest, and spreads the news
	explain func(resource, error) error

	objects map[string]T // by name; nil until they were listed
	err     error        // why there is no watch
}

// run keeps the mirror until ctx ends.
func (m *mirror[T]) run(ctx context.Context, c *Client) {
	silent := logr.Discard()
	backoff := c.backoff
	from := plainLists{&cache.ListWatch{ListWithContextFunc: m.list, WatchFuncWithContext: m.watch}}
	cache.NewReflectorWithOptions(from, m.of.example, m, cache.ReflectorOptions{
		Logger: &silent, Name: m.of.name, Backoff: &backoff,
	}).RunWithContext(ctx)
}

// plainLists keeps the reflector from lists that come as a watch. They spare the server memory if there are many
// objects; here there are few. And while the reflector waits to ask for such a list again it does not hear that its
// context has ended.
type plainLists struct{ *cache.ListWatch }

func (plainLists) IsWatchListSemanticsUnSupported() bool { return true }

// request makes no attempts by itself: the reflector does, at its pace, and each failure shall be heard of.
func (r resource) request(options *metav1.ListOptions) *rest.Request {
	r.selectable(options)
	return r.client.Get().Namespace(r.namespace).Resource(r.name).VersionedParams(options, metav1.ParameterCodec).MaxRetries(0)
}

func (m *mirror[T]) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	limited, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	objects, err := m.of.request(&options).Do(limited).Get()
	if err != nil {
		m.failed(ctx, err)
	}
	return objects, err
}

var errNoAnswer = errors.New("no answer")

func (m *mirror[T]) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	limited, cancel := context.WithTimeout(ctx, time.Duration(*options.TimeoutSeconds)*time.Second+watchGrace)
	w, err := m.of.request(&options).Watch(limited)
	if _, answered := w.(*watch.StreamWatcher); err == nil && !answered {
		err = errNoAnswer // the connection broke; the client makes that a watch without events
	}
	if err != nil {
		cancel()
		m.failed(ctx, err)
		return nil, err
	}
	m.update(func() { m.err = nil })
	return limitedWatch{w, cancel}, nil
}

// limitedWatch is a watch whose context ends with it.
type limitedWatch struct {
	watch.Interface
	cancel context.CancelFunc
}

func (w limitedWatch) Stop() {
	w.cancel()
	w.Interface.Stop()
}

// failed notes why there is no watch, until there is one again: a list that succeeds does not help if watching is forbidden.
func (m *mirror[T]) failed(ctx context.Context, err error) {
	if ctx.Err() == nil && !stale(err) {
		m.update(func() { m.err = m.explain(m.of, err) })
	}
}

// stale tells whether the server does not have the version any more that was asked for, or not yet. All objects are listed
// at once then, and nobody need know.
func stale(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) ||
		apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

func (m *mirror[T]) Add(object any) error {
	o, err := meta.Accessor(object)
	if err == nil {
		m.update(func() { m.objects[o.GetName()] = m.reduce(object.(runtime.Object)) })
	}
	return err
}

func (m *mirror[T]) Update(object any) error { return m.Add(object) }

func (m *mirror[T]) Delete(object any) error {
	o, err := meta.Accessor(object)
	if err == nil {
		m.update(func() { delete(m.objects, o.GetName()) })
	}
	return err
}

func (m *mirror[T]) Replace(list []any, _ string) error {
	objects := make(map[string]T, len(list))
	for _, object := range list {
		o, err := meta.Accessor(object)
		if err != nil {
			return err
		}
		objects[o.GetName()] = m.reduce(object.(runtime.Object))
	}
	m.update(func() { m.objects = objects })
	return nil
}

func (m *mirror[T]) Resync() error { return nil }
