package rightsize

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/internal/contract"
)

// metricsAPI is what the recommender samples.
const metricsAPI = "metrics.k8s.io/v1beta1"

// causes returns why recommendations would not come or be old: each a sentence with the next step. Empty: all runs.
func causes(ctx context.Context, cluster *kube.Cluster, size contract.SizeAdvisor) []string {
	var found []string
	who := fmt.Sprintf("the recommender, Deployment %s/%s,", size.Namespace, size.Deployment)
	recommender, err := cluster.Client.AppsV1().
		Deployments(size.Namespace).
		Get(ctx, size.Deployment, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		found = append(found, who+" is gone: `pulumi up --refresh` brings it back")
	case err != nil:
		found = append(found, fmt.Sprintf("%s could not be read: %v", who, err))
	case recommender.Status.ReadyReplicas == 0:
		found = append(found, fmt.Sprintf("%s has no ready pod: see `kubectl -n %s describe deployment %s`",
			who, size.Namespace, size.Deployment))
	}
	_, err = cluster.Client.Discovery().ServerResourcesForGroupVersion(metricsAPI)
	switch {
	case apierrors.IsNotFound(err):
		found = append(found, "the metrics API ("+metricsAPI+") is missing, so the recommender has nothing to sample: "+
			"set opex:size.metricsServer to true, or install metrics-server")
	case err != nil:
		found = append(
			found,
			fmt.Sprintf("the metrics API (%s) does not answer, so the recommender has nothing to sample: %v. "+
				"See `kubectl get apiservice v1beta1.metrics.k8s.io`", metricsAPI, err),
		)
	}
	return found
}
