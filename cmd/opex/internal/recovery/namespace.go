package recovery

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// terminating says how far the end of a namespace is.
func terminating(space *corev1.Namespace) string {
	var left []string
	for _, c := range space.Status.Conditions {
		if c.Status == corev1.ConditionTrue && c.Type != corev1.NamespaceDeletionDiscoveryFailure {
			left = append(left, c.Message)
		}
	}
	return or(strings.Join(left, " "), "is going away")
}

// awaitEnd waits while a namespace is being deleted: nothing can be made in it.
func (s *Site) awaitEnd(ctx context.Context, name string, limit time.Duration) error {
	return s.wait(ctx, "namespace "+name, limit, func(ctx context.Context) (string, bool, error) {
		found, err := s.Cluster.Client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return "", true, nil
		} else if err != nil {
			return "", false, err
		}
		return terminating(found), found.DeletionTimestamp == nil, nil
	})
}
