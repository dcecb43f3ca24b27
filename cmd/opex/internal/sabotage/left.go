package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// marks are the kinds that sabotage changes or makes.
var marks = []schema.GroupVersionResource{
	podKind,
	services,
	configMaps,
	quotas,
	deployments,
	autoscalers,
	schedules,
	backups,
	experiments,
}

// Left is one thing that a run which died has changed or made.
type Left struct {
	at   objects
	name string
	was  string // changed or made
}

// String says what it is.
func (l Left) String() string { return l.was + ": " + l.at.name(l.name) }

// Left looks for what a run that died has left, in the namespaces of the service and of the engines. Right: list of all
// that is changed there.
func (s *Site) Left(ctx context.Context) (left []Left, err error) {
	namespaces := []string{
		s.Service.Namespace, s.Outputs.Cost.OpenCost.Namespace, s.Outputs.Cost.Prometheus.Namespace,
		s.Outputs.Size.Namespace, s.Outputs.Backup.Namespace, s.Outputs.Chaos.Namespace,
	}
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		for _, kind := range marks {
			at := s.objects(kind, namespace)
			found, err := at.List(ctx, metav1.ListOptions{LabelSelector: mark})
			if err != nil {
				return nil, fmt.Errorf(
					"what an earlier run may have left: %s in namespace %s: %w", kind.Resource, namespace, err,
				)
			}
			for _, object := range found.Items {
				left = append(left, Left{at, object.GetName(), object.GetLabels()[mark]})
			}
		}
	}
	return left, nil
}

// PutBackLeft puts back what a run that died has left, and waits until all criteria pass again.
func (s *Site) PutBackLeft(ctx context.Context, left []Left) error {
	// the last: a quota that was left has kept them away for so long that they are seldom asked for
	s.later("the service's pods", s.retryPods)
	for _, l := range left {
		s.later(l.String(), func(ctx context.Context) error {
			if l.was == made {
				return s.remove(ctx, l.at, l.name)
			}
			return l.at.restore(ctx, l.name)
		})
	}
	patient, end := s.patience(ctx)
	defer end()
	if err := s.putBack(patient); err != nil {
		return err
	}
	fmt.Fprintf(
		s.People, "%s: what was left is put back; waiting until all criteria pass, for %s at most\n", s.Name,
		greenWithin,
	)
	err := s.greenAgain(patient, Breach{}, &Row{})
	if errors.Is(err, ErrLeft) {
		return errors.New(strings.TrimPrefix(err.Error(), ErrLeft.Error()+": "))
	}
	return err
}
