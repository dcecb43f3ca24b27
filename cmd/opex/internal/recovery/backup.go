package recovery

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// stamp writes a time.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// compact is a time in names.
func compact(at time.Time) string { return at.UTC().Format("20060102150405") }

// makeBackup asks for a backup as the Schedule would make it, and waits for a good end.
func (s *Site) makeBackup(
	ctx context.Context, schedule velero.Schedule, now time.Time, limit time.Duration,
) (velero.Backup, error) {
	labels := map[string]string{}
	maps.Copy(labels, schedule.Labels)
	labels[velero.LabelSchedule] = schedule.Name
	name := s.drillPrefix() + compact(now)
	backup, err := s.Velero.CreateBackup(ctx, name, labels, nil, schedule.Template)
	if err != nil {
		return velero.Backup{}, err
	}
	s.Say("backup %s is being made", name)
	err = s.wait(ctx, "backup "+name, limit, func(ctx context.Context) (string, bool, error) {
		found, err := s.Velero.Backup(ctx, name)
		if err != nil {
			return "", false, err
		}
		backup = found
		return or(found.Phase, "New"), velero.Done(found.Phase), nil
	})
	if err == nil {
		if why := s.Unfit(backup, time.Now()); why != "" {
			err = fmt.Errorf("backup %s: %s", name, why)
		}
	}
	if err != nil {
		return backup, fmt.Errorf("%w%s%s", err, s.volumeTroubles(ctx, name), s.readOn(name))
	}
	return backup, nil
}

// readOn says where Velero's own words are. The Deployment's name would not do: its selector may match the node agent,
// too.
func (s *Site) readOn(name string) string {
	return fmt.Sprintf(
		". Read on with: kubectl -n %s logs -l name=%s --tail=-1 | grep %s", s.Vault.Namespace, s.Vault.Deployment,
		name,
	)
}

// volumeTroubles says what became of a backup's volumes, where that is not well.
func (s *Site) volumeTroubles(ctx context.Context, backup string) string {
	volumes, err := s.Velero.PodVolumeBackups(context.WithoutCancel(ctx), backup)
	if err != nil {
		return ""
	}
	return troubles("PodVolumeBackup", volumes)
}

func troubles(kind string, volumes []velero.PodVolume) string {
	var text strings.Builder
	for _, v := range volumes {
		if v.Phase != velero.PhaseCompleted {
			fmt.Fprintf(
				&text, "; %s %s (volume %s of pod %s) is %s%s", kind, v.Name, v.Volume, v.Pod, or(v.Phase, "New"),
				detail(v.Message),
			)
		}
	}
	return text.String()
}

// backupLimit is how long a backup may take: as long as its hooks may, and as long as a restore.
func (s *Site) backupLimit(schedule velero.Schedule) time.Duration {
	limit := s.rto
	for _, h := range schedule.Hooks {
		limit += h.Timeout
	}
	return limit
}
