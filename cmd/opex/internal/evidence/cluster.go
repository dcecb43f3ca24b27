package evidence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opex-project/opex/internal/contract"
)

// Labels of the ConfigMaps.
const (
	labelKind    = "opex/evidence"
	labelService = "opex/service"
	managedBy    = "opex"
	key          = "record.json"
)

// kept is how many ConfigMaps a service has at most. The bucket keeps all.
const kept = 20

// Name returns the name of a record's ConfigMap.
func (r Record) Name() string {
	return fmt.Sprintf("opex-%s-%s-%s", r.Kind, r.Service, r.StartedAt.UTC().Format("20060102-150405"))
}

// Latest returns the records of a service, of drills and of restores, the newest first. One that cannot be read is an error: the
// newest may be it.
func Latest(ctx context.Context, client kubernetes.Interface, vault contract.BackupVault, service string) ([]Record, error) {
	maps, err := list(ctx, client, vault, service)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(maps))
	for i, m := range maps {
		if records[i], err = Parse([]byte(m.Data[key])); err != nil {
			return nil, fmt.Errorf("evidence: ConfigMap %s/%s: %w", m.Namespace, m.Name, err)
		}
	}
	slices.SortStableFunc(records, func(a, b Record) int { return b.StartedAt.Compare(a.StartedAt) })
	return records, nil
}

// Parse reads a record.
func Parse(data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("not the JSON of a record: %w", err)
	}
	var wrong []error
	if r.Schema != Schema || r.Version != Version {
		wrong = append(wrong, fmt.Errorf("schema %q version %d; this opex knows %q version %d", r.Schema, r.Version, Schema, Version))
	}
	if r.Kind != KindDrill && r.Kind != KindRestore {
		wrong = append(wrong, fmt.Errorf("kind %q; known are %s and %s", r.Kind, KindDrill, KindRestore))
	}
	if r.Verdict != Proven && r.Verdict != Failed {
		wrong = append(wrong, fmt.Errorf("verdict %q; known are %s and %s", r.Verdict, Proven, Failed))
	}
	return r, errors.Join(wrong...)
}

// Store keeps a record in the cluster and removes the oldest beyond 20 of its service. It returns the ConfigMap's name.
func Store(ctx context.Context, client kubernetes.Interface, vault contract.BackupVault, r Record) (string, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: r.Name(), Namespace: vault.Namespace, Labels: map[string]string{
			contract.LabelManagedBy: managedBy, labelKind: r.Kind, labelService: r.Service,
		}},
		Data: map[string]string{key: string(data)},
	}
	if _, err := client.CoreV1().ConfigMaps(vault.Namespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return "", fmt.Errorf("evidence: ConfigMap %s/%s: %w", vault.Namespace, object.Name, err)
	}
	return object.Name, prune(ctx, client, vault, r.Service)
}

func prune(ctx context.Context, client kubernetes.Interface, vault contract.BackupVault, service string) error {
	maps, err := list(ctx, client, vault, service)
	if err != nil {
		return err
	}
	slices.SortFunc(maps, func(a, b corev1.ConfigMap) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
	})
	for _, old := range maps[min(kept, len(maps)):] {
		err := client.CoreV1().ConfigMaps(vault.Namespace).Delete(ctx, old.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("evidence: old ConfigMap %s/%s: %w", vault.Namespace, old.Name, err)
		}
	}
	return nil
}

func list(ctx context.Context, client kubernetes.Interface, vault contract.BackupVault, service string) ([]corev1.ConfigMap, error) {
	found, err := client.CoreV1().ConfigMaps(vault.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: fmt.Sprintf("%s=%s,%s in (%s,%s),%s=%s", contract.LabelManagedBy, managedBy, labelKind, KindDrill, KindRestore, labelService, service)})
	if err != nil {
		return nil, fmt.Errorf("evidence: ConfigMaps in namespace %s: %w", vault.Namespace, err)
	}
	return found.Items, nil
}

// ObjectKey is where the bucket keeps a record: outside of Velero's folder, which holds nothing that Velero does not know.
func (r Record) ObjectKey() string {
	return fmt.Sprintf("opex/%ss/%s/%s.json", r.Kind, r.Service, r.StartedAt.UTC().Format(time.RFC3339))
}
