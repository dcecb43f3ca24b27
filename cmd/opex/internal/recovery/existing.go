package recovery

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// derived are kinds that Kubernetes makes by itself from others.
var derived = []string{"events", "endpoints", "endpointslices", "controllerrevisions"}

// existing lists the objects of the service that are in its namespace, as kind/name. A restore leaves them as they are.
func (s *Site) existing(ctx context.Context) ([]string, error) {
	groups, err := s.Cluster.Client.Discovery().ServerPreferredNamespacedResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, fmt.Errorf("kinds of the cluster: %w", err)
	}
	var found []string
	for _, group := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "create"}}, groups) {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, kind := range group.APIResources {
			if slices.Contains(derived, kind.Name) {
				continue
			}
			list, err := s.Cluster.Dynamic.Resource(version.WithResource(kind.Name)).Namespace(s.Service.Namespace).
				List(ctx, metav1.ListOptions{LabelSelector: selector(s.Plan.Selector)})
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) || meta.IsNoMatchError(err) {
				continue
			} else if err != nil {
				return nil, fmt.Errorf("%s in namespace %s: %w", kind.Name, s.Service.Namespace, err)
			}
			for _, item := range list.Items {
				found = append(found, strings.ToLower(kind.Kind)+"/"+item.GetName())
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// databaseThere says what of the database is in the namespace: a restore loads only into one that has just been
// created.
func (s *Site) databaseThere(ctx context.Context) (string, error) {
	if !s.hasDatabase() {
		return "", nil
	}
	pods, err := s.Cluster.Client.CoreV1().
		Pods(s.Service.Namespace).
		List(ctx, metav1.ListOptions{LabelSelector: selector(s.Service.Database.Selector)})
	if err != nil {
		return "", err
	}
	_, err = s.Cluster.Client.AppsV1().
		StatefulSets(s.Service.Namespace).
		Get(ctx, s.Service.Database.StatefulSet, metav1.GetOptions{})
	switch {
	case err == nil:
		return "StatefulSet " + s.Service.Database.StatefulSet, nil
	case !apierrors.IsNotFound(err):
		return "", err
	case len(pods.Items) > 0:
		return "pod " + pods.Items[0].Name, nil
	}
	return "", nil
}
