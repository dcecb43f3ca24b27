package kubernetes

import (
	"context"
	"errors"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// askImmutable tries the change on the server without making it. If the server answers that a field cannot be changed,
// the changes to that field become replacing ones. Volumes are left out: replacing one loses its data, which only the
// fields of replace.go, known to everyone, may do; for the rest the server's refusal stands as an error.
func (k *plugin) askImmutable(ctx context.Context, changes []change, a applier, inputs, live map[string]any) bool {
	gvk := kindIn(inputs)
	if k.cluster == nil || !k.cluster.exists(gvk) || strings.HasPrefix(gvk.Kind, "PersistentVolume") {
		return false
	}
	a.dryRun = true
	_, err := a.update(ctx, runtime.DeepCopyJSON(inputs), wrap(live), nil)
	fields := immutableCauses(err)
	if len(fields) == 0 {
		return false
	}
	return markReplacing(changes, fields)
}

// immutableCauses are the fields that a refusal calls immutable.
func immutableCauses(err error) []string {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		if says(cause.Message, "immutable", "may not be changed", "may not change", "updates to statefulset spec", "cannot be changed") {
			// What the server calls spec.template[0] or roleRef is a path like ours, without the quotes.
			field, _, _ := strings.Cut(cause.Field, "[")
			fields = append(fields, field)
		}
	}
	return fields
}

func says(text string, phrases ...string) bool {
	for _, phrase := range phrases {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

// failedJob is the change that replaces a Job which asks to be replaced unless it has completed.
func (k *plugin) failedJob(ctx context.Context, inputs, live map[string]any) (*change, error) {
	if kindIn(inputs).Kind != "Job" || k.cluster == nil {
		return nil, nil
	}
	client, err := k.cluster.resource(kindIn(live), str(live, "metadata", "namespace"))
	if err != nil {
		return nil, err
	}
	now, err := client.Get(ctx, str(live, "metadata", "name"), metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && conditionStatus(now.Object, "Complete") == "True" {
		return nil, nil
	}
	return &change{path: []any{"metadata", "annotations", replaceUnready}, kind: p.UpdateReplace}, err
}
