// Package shelf keeps the records of drills, restores and Game Days: as ConfigMaps of the cluster, and drills in the
// bucket, too.
package shelf

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

// Labels of the ConfigMaps.
const (
	LabelKind    = "opex/evidence"
	labelService = "opex/service"
	managedBy    = "opex"
	key          = "record.json"
	digest       = "record.sha256" // of record.json, in hexadecimal
)

// kept is how many ConfigMaps a service has at most. The bucket keeps all.
const kept = 20

// Latest returns the records of a service, of drills and of restores, the newest first. One that cannot be read is an
// error: the newest may be it.
func Latest(
	ctx context.Context, client kubernetes.Interface, vault contract.BackupVault, service string,
) ([]evidence.Record, error) {
	maps, err := recoveries(client, vault, service).list(ctx)
	if err != nil {
		return nil, err
	}
	return Recoveries(maps, service)
}

// Recoveries are the records of a service among ConfigMaps of several, of drills and of restores, the newest first.
func Recoveries(maps []corev1.ConfigMap, service string) ([]evidence.Record, error) {
	maps = ofService(maps, service)
	records := make([]evidence.Record, len(maps))
	for i, m := range maps {
		found, err := read(m, evidence.Parse)
		if err != nil {
			return nil, err
		}
		records[i] = found
	}
	slices.SortStableFunc(records, func(a, b evidence.Record) int { return b.StartedAt.Compare(a.StartedAt) })
	return records, nil
}

// Seal is the data of a record's ConfigMap: its JSON, and the digest by which a change made afterwards is noticed. It
// keeps nobody from forging a record: whoever may write ConfigMaps there can. The bucket has its own copy of drills,
// which Object Lock protects.
func Seal(record []byte) map[string]string {
	return map[string]string{key: string(record), digest: fmt.Sprintf("%x", sha256.Sum256(record))}
}

// ErrBad marks a record that cannot be read, or is not as it was written.
var ErrBad = errors.New("is no evidence")

// read parses the record of a ConfigMap, if it is as it was written.
func read[T any](m corev1.ConfigMap, parse func([]byte) (T, error)) (T, error) {
	text := m.Data[key]
	found, err := parse([]byte(text))
	if err == nil && m.Data[digest] != Seal([]byte(text))[digest] {
		err = errors.New("it was changed after it was written, by its digest")
	}
	if err != nil {
		return found, fmt.Errorf("evidence: ConfigMap %s/%s %w: %w", m.Namespace, m.Name, ErrBad, err)
	}
	return found, nil
}

// Maps are the ConfigMaps of a service's records of some kinds, or of all services' where it is empty. Right: list on
// configmaps in the namespace.
func Maps(
	ctx context.Context, client kubernetes.Interface, namespace, service string, kinds ...string,
) ([]corev1.ConfigMap, error) {
	return shelf{client: client, namespace: namespace, service: service, kinds: kinds}.list(ctx)
}

// RecordOf returns the JSON of a ConfigMap's record.
func RecordOf(m corev1.ConfigMap) []byte { return []byte(m.Data[key]) }

func ofService(maps []corev1.ConfigMap, service string) []corev1.ConfigMap {
	return slices.DeleteFunc(
		slices.Clone(maps), func(m corev1.ConfigMap) bool { return m.Labels[labelService] != service },
	)
}

// Store keeps a record in the cluster and removes the oldest beyond 20 of its service. It returns the ConfigMap's name.
func Store(
	ctx context.Context, client kubernetes.Interface, vault contract.BackupVault, r evidence.Record,
) (string, error) {
	shelf := recoveries(client, vault, r.Service)
	return r.Name(), shelf.put(ctx, r.Name(), r.Kind, r)
}

func recoveries(client kubernetes.Interface, vault contract.BackupVault, service string) shelf {
	return shelf{
		client:    client,
		namespace: vault.Namespace,
		service:   service,
		kinds:     []string{evidence.KindDrill, evidence.KindRestore},
		kept:      kept,
	}
}

// shelf is where the records of a service's are kept, in the cluster.
type shelf struct {
	client    kubernetes.Interface
	namespace string
	service   string
	kinds     []string
	kept      int // the newest
	// passing are further labels of a record that is not for keeping: no other one makes room for it.
	passing map[string]string
}

// put keeps a record and removes the oldest.
func (s shelf) put(ctx context.Context, name, kind string, record any) error {
	data, err := json.Marshal(record) // indented, long ones would not fit in a ConfigMap
	if err != nil {
		return err
	}
	configMaps := s.client.CoreV1().ConfigMaps(s.namespace)
	labels := map[string]string{contract.LabelManagedBy: managedBy, LabelKind: kind, labelService: s.service}
	maps.Copy(labels, s.passing)
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace, Labels: labels},
		Data:       Seal(data),
	}
	if _, err := configMaps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("evidence: ConfigMap %s/%s: %w", s.namespace, name, err)
	}
	if len(s.passing) > 0 {
		return nil
	}
	all, err := s.list(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b corev1.ConfigMap) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
	})
	for _, old := range all[min(s.kept, len(all)):] {
		if err := configMaps.Delete(ctx, old.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("evidence: old ConfigMap %s/%s: %w", s.namespace, old.Name, err)
		}
	}
	return nil
}

// page is how many ConfigMaps are asked for at once: a record may have some 100 KiB.
const page = 50

func (s shelf) list(ctx context.Context) (all []corev1.ConfigMap, err error) {
	err = s.each(ctx, func(m corev1.ConfigMap) { all = append(all, m) })
	return all, err
}

// each calls for every ConfigMap, a page of them in memory at a time.
func (s shelf) each(ctx context.Context, call func(corev1.ConfigMap)) error {
	selector := fmt.Sprintf(
		"%s=%s,%s in (%s)", contract.LabelManagedBy, managedBy, LabelKind, strings.Join(s.kinds, ","),
	)
	if s.service != "" {
		selector += fmt.Sprintf(",%s=%s", labelService, s.service)
	}
	for options := (metav1.ListOptions{LabelSelector: selector, Limit: page}); ; {
		found, err := s.client.CoreV1().ConfigMaps(s.namespace).List(ctx, options)
		if err != nil {
			return fmt.Errorf("evidence: ConfigMaps in namespace %s: %w", s.namespace, err)
		}
		for _, m := range found.Items {
			call(m)
		}
		if options.Continue = found.Continue; options.Continue == "" {
			return nil
		}
	}
}

// Each calls for each ConfigMap of a service's records of some kinds, or of all services' where it is empty. Right:
// list on configmaps in the namespace.
func Each(
	ctx context.Context, client kubernetes.Interface, namespace, service string, kinds []string,
	call func(corev1.ConfigMap),
) error {
	return shelf{client: client, namespace: namespace, service: service, kinds: kinds}.each(ctx, call)
}

// ServiceOf is the service that a record's ConfigMap is of.
func ServiceOf(m corev1.ConfigMap) string { return m.Labels[labelService] }
