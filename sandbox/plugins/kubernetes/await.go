package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// defaultTimeout is how long an object may take to become ready or to go. The customTimeouts option comes first, then
// the annotation pulumi.com/timeoutSeconds.
const defaultTimeout = 10 * time.Minute

// verdict is what one look at an object says.
type verdict struct {
	ready   bool
	failed  bool   // it will not become ready by itself
	message string // what it waits for
}

var isReady = verdict{ready: true}

func waiting(format string, args ...any) verdict {
	return verdict{message: fmt.Sprintf(format, args...)}
}
func failed(format string, args ...any) verdict {
	return verdict{failed: true, message: fmt.Sprintf(format, args...)}
}

// stuckError says that an object is not ready, and why: its events and the states of its containers.
type stuckError struct {
	summary string
	reasons []string
}

func (e *stuckError) Error() string {
	return strings.Join(append([]string{e.summary}, e.reasons...), "\n    - ")
}

// waiter waits for one object.
type waiter struct {
	ctx     context.Context
	cluster *cluster
	log     p.Logger
	inputs  map[string]any // holds the annotations that steer the wait
	object  *unstructured.Unstructured
	timeout time.Duration
	since   time.Time
}

func (k *plugin) waiter(ctx context.Context, inputs map[string]any, object *unstructured.Unstructured, timeout float64) *waiter {
	w := &waiter{ctx: ctx, cluster: k.cluster, log: p.GetLogger(ctx), inputs: inputs, object: object,
		timeout: defaultTimeout, since: time.Now()}
	if timeout > 0 {
		w.timeout = time.Duration(timeout * float64(time.Second))
	} else if seconds, err := strconv.Atoi(annotation(inputs, timeoutSeconds)); err == nil && seconds > 0 {
		w.timeout = time.Duration(seconds) * time.Second
	}
	return w
}

func (w *waiter) client() (dynamic.ResourceInterface, error) {
	return w.cluster.resource(w.object.GroupVersionKind(), w.object.GetNamespace())
}

// ready waits until the object is ready, and returns it as last seen, also with an error.
func (w *waiter) ready() (*unstructured.Unstructured, error) {
	if annotation(w.inputs, skipAwait) == "true" || !w.waits() {
		return w.object, nil
	}
	err := w.poll(func(live *unstructured.Unstructured, err error) (verdict, error) {
		if apierrors.IsNotFound(err) {
			return failed("it was deleted while it was awaited"), nil
		}
		if err != nil {
			return verdict{}, err
		}
		w.object = live
		return w.look(live)
	})
	return w.object, err
}

// gone waits until the object is no more, or another one has its name.
func (w *waiter) gone() error {
	if annotation(w.inputs, skipAwait) == "true" && skipsDeletion[kindName(w.object)] {
		return nil
	}
	uid := w.object.GetUID()
	return w.poll(func(live *unstructured.Unstructured, err error) (verdict, error) {
		if apierrors.IsNotFound(err) {
			return isReady, nil
		}
		if err != nil {
			return verdict{}, err
		}
		if uid != "" && live.GetUID() != uid {
			return isReady, nil
		}
		w.object = live
		return waiting("%s", leaving(live)), nil
	})
}

// skipsDeletion are the kinds of which pulumi.com/skipAwait also skips the wait for their deletion.
var skipsDeletion = map[string]bool{"/Namespace": true, "/Pod": true, "/ReplicationController": true,
	"apps/DaemonSet": true, "apps/Deployment": true, "apps/StatefulSet": true, "batch/Job": true}

// poll looks at the object until the verdict is ready or failed. It tells what it waits for when that changes, and the
// reasons it finds every few seconds.
func (w *waiter) poll(judge func(*unstructured.Unstructured, error) (verdict, error)) error {
	client, err := w.client()
	if err != nil {
		return err
	}
	// Not a deadline: a client that must slow down looks at it, and gives up beforehand with an error of its own.
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	defer time.AfterFunc(w.timeout, cancel).Stop()
	last, told := verdict{}, time.Now()
	for pause := 200 * time.Millisecond; ; pause = min(pause*5/4, 2*time.Second) {
		live, err := client.Get(ctx, w.object.GetName(), metav1.GetOptions{})
		if ctx.Err() == nil {
			v, err := judge(live, err)
			switch {
			case err != nil && !transient(err):
				return err
			case v.ready:
				w.log.InfoStatus("")
				return nil
			case v.failed:
				return &stuckError{v.message, w.reasons()}
			}
			if err == nil && v.message != last.message {
				w.log.InfoStatus(v.message)
				last = v
			}
			if time.Since(told) > 5*time.Second {
				if reasons := w.reasons(); len(reasons) > 0 {
					w.log.WarningStatus(last.message + ": " + strings.Join(reasons, "; "))
				}
				told = time.Now()
			}
		}
		select {
		case <-ctx.Done():
			if w.ctx.Err() != nil {
				return &stuckError{fmt.Sprintf("%v while waiting: %s", context.Cause(w.ctx), last.message), nil}
			}
			return &stuckError{fmt.Sprintf("timed out after %s waiting: %s", w.timeout, last.message), w.reasons()}
		case <-time.After(pause):
		}
	}
}

// transient says that a look failed for a reason that may pass: the server restarts, or is busy.
func transient(err error) bool {
	var unanswered *url.Error
	return errors.As(err, &unanswered) || apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err)
}

// waits says whether there is anything to wait for: most kinds are ready when they exist.
func (w *waiter) waits() bool {
	return annotation(w.inputs, waitFor) != "" || readiness[kindName(w.object)] != nil || os.Getenv("PULUMI_K8S_AWAIT_ALL") == "true"
}

// look judges the object as it is now.
func (w *waiter) look(live *unstructured.Unstructured) (verdict, error) {
	if expression := annotation(w.inputs, waitFor); expression != "" {
		return meets(live, expression)
	}
	if judge := readiness[kindName(live)]; judge != nil {
		return judge(w, live)
	}
	if os.Getenv("PULUMI_K8S_AWAIT_ALL") == "true" {
		return byStatus(w, live)
	}
	return isReady, nil
}

func kindName(u *unstructured.Unstructured) string {
	gvk := u.GroupVersionKind()
	return gvk.Group + "/" + gvk.Kind
}

// refresh gets the object as it is now.
func (w *waiter) refresh() error {
	client, err := w.client()
	if err != nil {
		return err
	}
	live, err := client.Get(w.ctx, w.object.GetName(), metav1.GetOptions{})
	if err == nil {
		w.object = live
	}
	return err
}
