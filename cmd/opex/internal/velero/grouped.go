package velero

import (
	"cmp"
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Grouped are all objects of a kind by what they belong to. They take one question, however many services there are.
type Grouped[T any] struct {
	of  map[string][]T
	bad map[string]error
}

// Of returns what belongs to an owner; it is shared, and not to be changed. An object that cannot be read is an error
// of its owner alone.
func (g Grouped[T]) Of(owner string) ([]T, error) { return g.of[owner], g.bad[owner] }

// AllSchedules returns every Schedule, by its own name.
func (c Client) AllSchedules(ctx context.Context) (Grouped[Schedule], error) {
	return grouped(
		ctx, c, "schedules", func(item unstructured.Unstructured) string { return item.GetName() },
		wireSchedule.schedule, func(a, b Schedule) int { return cmp.Compare(a.Name, b.Name) },
	)
}

// AllBackups returns the Backups that a Schedule is behind, by its name, the newest first.
func (c Client) AllBackups(ctx context.Context) (Grouped[Backup], error) {
	return grouped(ctx, c, "backups", labelled(LabelSchedule), wireBackup.backup, newestFirst)
}

// AllPodVolumeBackups returns the copies of volumes by the LabelValue of their Backup's name, sorted by pod and volume.
func (c Client) AllPodVolumeBackups(ctx context.Context) (Grouped[PodVolume], error) {
	return grouped(ctx, c, "podvolumebackups", labelled(LabelBackup), wirePodVolume.podVolume, byPodAndVolume)
}

func labelled(key string) func(unstructured.Unstructured) string {
	return func(item unstructured.Unstructured) string { return item.GetLabels()[key] }
}

func grouped[Wire, T any](
	ctx context.Context, c Client, resource string, owner func(unstructured.Unstructured) string, convert func(Wire) T,
	order func(a, b T) int,
) (Grouped[T], error) {
	g := Grouped[T]{of: map[string][]T{}, bad: map[string]error{}}
	err := c.each(ctx, resource, "", func(item unstructured.Unstructured) error {
		to := owner(item)
		if to == "" {
			return nil // nobody's
		}
		object, err := decode(c, resource, item, convert)
		if err != nil {
			g.bad[to] = err
			return nil
		}
		g.of[to] = append(g.of[to], object)
		return nil
	})
	for _, of := range g.of {
		slices.SortStableFunc(of, order)
	}
	return g, err
}
