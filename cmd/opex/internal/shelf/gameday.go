package shelf

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

// keptGameDays is how many ConfigMaps a service has at most: a few runs of ten.
const keptGameDays = 50

// StoreGameDay keeps a record in the cluster and removes the oldest beyond 50 of its service. It returns the
// ConfigMap's name. With further labels, which may be nil, the record is a passing one, for which none is removed.
func StoreGameDay(
	ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, r evidence.GameDay,
	passing map[string]string,
) (string, error) {
	shelf := gameDays(client, lab, r.Service)
	shelf.passing = passing
	return r.Name(), shelf.put(ctx, r.Name(), evidence.KindGameDay, r)
}

func gameDays(client kubernetes.Interface, lab contract.ChaosLab, service string) shelf {
	return shelf{
		client:    client,
		namespace: lab.Namespace,
		service:   service,
		kinds:     []string{evidence.KindGameDay},
		kept:      keptGameDays,
	}
}

// ReadGameDay returns the record of a ConfigMap. Right: get on configmaps in the lab's namespace.
func ReadGameDay(
	ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, name string,
) ([]evidence.GameDay, error) {
	found, err := client.CoreV1().ConfigMaps(lab.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("record %s/%s: %w", lab.Namespace, name, err)
	}
	return read(*found, evidence.ParseGameDays)
}

// GameDays returns all records of a service that are kept, the oldest first. One that cannot be read is an error: the
// newest may be it. Right: list on configmaps in the lab's namespace.
func GameDays(
	ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, service string,
) ([]evidence.GameDay, error) {
	maps, err := gameDays(client, lab, service).list(ctx)
	if err != nil {
		return nil, err
	}
	return Kills(maps, service)
}

// Kills are the records of a service's Game Days among ConfigMaps of several, the oldest first.
func Kills(maps []corev1.ConfigMap, service string) ([]evidence.GameDay, error) {
	var records []evidence.GameDay
	for _, m := range ofService(maps, service) {
		found, err := read(m, evidence.ParseGameDays)
		if err != nil {
			return nil, err
		}
		records = append(records, found...)
	}
	slices.SortStableFunc(records, func(a, b evidence.GameDay) int { return a.StartedAt.Compare(b.StartedAt) })
	return records, nil
}

// LatestGameDays is GameDays of the newest run alone, in the order of its kills; none where there was no Game Day.
func LatestGameDays(
	ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, service string,
) ([]evidence.GameDay, error) {
	records, err := GameDays(ctx, client, lab, service)
	if err != nil {
		return nil, err
	}
	return evidence.NewestRun(records), nil
}
