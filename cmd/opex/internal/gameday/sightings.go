package gameday

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// sighting is a change of an object at the time at which it was seen here. One clock tells all of them.
type sighting struct {
	at     time.Time
	gone   bool // the object was deleted
	object runtime.Object
}

// observer watches a service's pods, its EndpointSlices and their events. What is seen is kept, in order.
type observer struct {
	mu      sync.Mutex
	seen    []sighting
	changed chan struct{} // closed and replaced with each sighting
	broken  error         // a watch ended: from then on something may have gone unseen
	done    sync.WaitGroup
}

// watchFor is how long a watch may last. The server's own choice is shorter.
const watchFor = int64(3600)

// observe begins to watch. What exists already is seen first, before it returns. It ends with the context.
func observe(ctx context.Context, config *rest.Config, namespace, podSelector, service string) (*observer, error) {
	config = rest.CopyConfig(config)
	config.Timeout = 0 // a watch lasts
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	o := &observer{changed: make(chan struct{})}
	of := metav1.ListOptions{TimeoutSeconds: new(watchFor)}
	type source struct {
		kind  string
		list  func(metav1.ListOptions) (runtime.Object, error)
		watch func(metav1.ListOptions) (watch.Interface, error)
		with  string // label selector
	}
	for _, s := range []source{
		{"pods", func(l metav1.ListOptions) (runtime.Object, error) {
			return client.CoreV1().Pods(namespace).List(ctx, l)
		},
			func(l metav1.ListOptions) (watch.Interface, error) {
				return client.CoreV1().Pods(namespace).Watch(ctx, l)
			}, podSelector},
		{"endpointslices", func(l metav1.ListOptions) (runtime.Object, error) {
			return client.DiscoveryV1().EndpointSlices(namespace).List(ctx, l)
		},
			func(l metav1.ListOptions) (watch.Interface, error) {
				return client.DiscoveryV1().EndpointSlices(namespace).Watch(ctx, l)
			},
			discoveryv1.LabelServiceName + "=" + service},
		{"events", func(l metav1.ListOptions) (runtime.Object, error) {
			return client.CoreV1().Events(namespace).List(ctx, l)
		},
			func(l metav1.ListOptions) (watch.Interface, error) {
				return client.CoreV1().Events(namespace).Watch(ctx, l)
			}, ""},
	} {
		options := of
		options.LabelSelector = s.with
		list, err := s.list(options)
		if err != nil {
			return nil, fmt.Errorf("list %s in namespace %s: %w", s.kind, namespace, err)
		}
		switch list := list.(type) {
		case *corev1.PodList:
			options.ResourceVersion = list.ResourceVersion
			for i := range list.Items {
				o.note(sighting{at: time.Now(), object: &list.Items[i]})
			}
		case *discoveryv1.EndpointSliceList:
			options.ResourceVersion = list.ResourceVersion
			for i := range list.Items {
				o.note(sighting{at: time.Now(), object: &list.Items[i]})
			}
		case *corev1.EventList:
			options.ResourceVersion = list.ResourceVersion // those of before are of no interest
		}
		changes, err := s.watch(options)
		if err != nil {
			return nil, fmt.Errorf("watch %s in namespace %s: %w", s.kind, namespace, err)
		}
		o.done.Go(func() { o.follow(ctx, s.kind, changes) })
	}
	return o, nil
}

func (o *observer) follow(ctx context.Context, kind string, changes watch.Interface) {
	defer changes.Stop()
	for change := range changes.ResultChan() {
		switch change.Type {
		case watch.Added, watch.Modified:
			o.note(sighting{at: time.Now(), object: change.Object})
		case watch.Deleted:
			o.note(sighting{at: time.Now(), gone: true, object: change.Object})
		default:
			o.fail(fmt.Errorf("watch of %s: %v", kind, change.Object))
			return
		}
	}
	if ctx.Err() == nil {
		o.fail(fmt.Errorf("the watch of %s ended", kind))
	}
}

func (o *observer) note(s sighting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, s)
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *observer) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken == nil {
		o.broken = err
	}
	close(o.changed)
	o.changed = make(chan struct{})
}

// so returns all that was seen, what is closed at the next sighting, and why something may be missing.
func (o *observer) so() (seen []sighting, next <-chan struct{}, broken error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen[:len(o.seen):len(o.seen)], o.changed, o.broken
}
