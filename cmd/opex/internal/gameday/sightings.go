package gameday

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// sighting is a change of an object at the time at which it was seen here. One clock tells all of them.
type sighting struct {
	at     time.Time
	gone   bool // the object was deleted
	object runtime.Object
}

// observer watches a service's pods, its EndpointSlices and their events. What is seen is kept, in order. A watch that
// ends, as when the API server is started anew, goes on where it ended: nothing is missed, but what came meanwhile is
// told of late.
type observer struct {
	mu      sync.Mutex
	seen    []sighting
	changed chan struct{} // closed and replaced with each sighting
	broken  error         // a watch could not go on: from then on something may have gone unseen
	cuts    []cut
}

// cut is a time without a watch. Its end is zero while it lasts.
type cut struct{ from, to time.Time }

// source is a kind of objects to watch.
type source struct {
	api       rest.Interface
	resource  string
	namespace string
	labels    string
	old       bool // what is there already is of interest
}

// observe begins to watch. What exists already is seen first, before it returns. It ends with the context.
func observe(ctx context.Context, config *rest.Config, namespace, podSelector, service string) (*observer, error) {
	config = rest.CopyConfig(config)
	config.Timeout = 0 // a watch lasts
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	o := &observer{changed: make(chan struct{})}
	core := client.CoreV1().RESTClient()
	for _, s := range []source{
		{core, "pods", namespace, podSelector, true},
		{client.DiscoveryV1().RESTClient(), "endpointslices", namespace, discoveryv1.LabelServiceName + "=" + service, true},
		{core, "events", namespace, "", false},
	} {
		if err := o.follow(ctx, s); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// follow takes in what there is, and goes on with what changes.
func (o *observer) follow(ctx context.Context, s source) error {
	list, err := s.list(ctx)
	if err != nil {
		return fmt.Errorf("list %s in namespace %s: %w", s.resource, s.namespace, err)
	}
	at, err := meta.ListAccessor(list)
	if err != nil {
		return err
	}
	if s.old {
		if err := meta.EachListItem(list, func(object runtime.Object) error {
			o.note(sighting{at: time.Now(), object: object})
			return nil
		}); err != nil {
			return err
		}
	}
	changes, err := watchtools.NewRetryWatcherWithContext(
		ctx, at.GetResourceVersion(), &cache.ListWatch{WatchFuncWithContext: o.again(s)},
	)
	if err != nil {
		return fmt.Errorf("watch %s in namespace %s: %w", s.resource, s.namespace, err)
	}
	go func() {
		for change := range changes.ResultChan() {
			switch change.Type {
			case watch.Added, watch.Modified:
				o.note(sighting{at: time.Now(), object: change.Object})
			case watch.Deleted:
				o.note(sighting{at: time.Now(), gone: true, object: change.Object})
			case watch.Bookmark:
			default:
				o.fail(fmt.Errorf("watch of %s: %v", s.resource, change.Object))
			}
		}
		if ctx.Err() == nil {
			o.fail(fmt.Errorf("the watch of %s ended", s.resource))
		}
	}()
	return nil
}

func (s source) list(ctx context.Context) (runtime.Object, error) {
	of := map[string]runtime.Object{"pods": &corev1.PodList{}, "endpointslices": &discoveryv1.EndpointSliceList{}, "events": &corev1.EventList{}}[s.resource]
	options := metav1.ListOptions{LabelSelector: s.labels}
	return of, s.api.Get().
		Namespace(s.namespace).
		Resource(s.resource).
		VersionedParams(&options, scheme.ParameterCodec).
		Do(ctx).
		Into(of)
}

// again watches from a version on, as often as it has to, and notes the time in which there was no watch.
func (o *observer) again(s source) func(context.Context, metav1.ListOptions) (watch.Interface, error) {
	first, mine := true, -1
	return func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		options.LabelSelector, options.Watch = s.labels, true
		began := time.Now()
		changes, err := s.api.Get().
			Namespace(s.namespace).
			Resource(s.resource).
			VersionedParams(&options, scheme.ParameterCodec).
			Watch(ctx)
		o.mu.Lock()
		defer o.mu.Unlock()
		if mine < 0 && (!first || err != nil) {
			mine = len(o.cuts)
			o.cuts = append(o.cuts, cut{from: began.Add(-retryAfter)})
		}
		first = false
		if err == nil && mine >= 0 {
			o.cuts[mine].to, mine = time.Now(), -1
		}
		if apierrors.IsGone(err) || apierrors.IsResourceExpired(err) { // the RetryWatcher would ask for it for ever
			o.broken = cmp.Or(
				o.broken, fmt.Errorf("watch of %s: what came meanwhile is not kept any more: %w", s.resource, err),
			)
			o.wake()
		}
		return changes, err
	}
}

// retryAfter is how long a RetryWatcher waits until it watches again.
const retryAfter = time.Second

// blind is how long a watch was cut off between two moments, at most. The second may be zero: up to now.
func (o *observer) blind(from, to time.Time) (longest time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if to.IsZero() {
		to = time.Now()
	}
	for _, c := range o.cuts {
		if c.to.IsZero() {
			c.to = time.Now()
		}
		if !from.IsZero() && c.from.Before(to) && c.to.After(from) {
			longest = max(longest, c.to.Sub(c.from))
		}
	}
	return longest
}

func (o *observer) note(s sighting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, s)
	o.wake()
}

func (o *observer) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken == nil {
		o.broken = err
	}
	o.wake()
}

func (o *observer) wake() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// so returns all that was seen, what is closed at the next sighting, and why something may be missing.
func (o *observer) so() (seen []sighting, next <-chan struct{}, broken error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen[:len(o.seen):len(o.seen)], o.changed, o.broken
}
