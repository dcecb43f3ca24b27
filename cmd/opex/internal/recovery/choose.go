package recovery

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// Newest is the name that stands for the newest good backup.
const Newest = "latest"

// Unfit says why a backup of this service cannot be restored from, or should not; empty: it can.
func (s *Site) Unfit(b velero.Backup, now time.Time) string {
	switch {
	case b.ScheduleName != s.Plan.Schedule:
		return fmt.Sprintf(
			"it is no backup of %s: it is of the Schedule %q, that of %s is %q", s.Name, b.ScheduleName, s.Name,
			s.Plan.Schedule,
		)
	case b.StorageLocation != s.Vault.StorageLocation:
		return fmt.Sprintf(
			"it is not in this vault: its BackupStorageLocation is %q, the vault's is %q", b.StorageLocation,
			s.Vault.StorageLocation,
		)
	case b.Deleting:
		return "it is being deleted"
	case !b.Expiration.IsZero() && now.After(b.Expiration):
		return "it expired at " + b.Expiration.UTC().Format(time.RFC3339)
	}
	if flaw := b.Flaw(s.hasDatabase()); flaw != "" {
		return "it is " + flaw
	}
	return ""
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func detail(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// choose returns the backup of that name, or the newest good one and what was passed over. What cannot be is a problem.
func (s *Site) choose(
	ctx context.Context, name string, now time.Time,
) (chosen velero.Backup, passed, problems []string) {
	if name != Newest {
		b, err := s.Velero.Backup(ctx, name)
		if apierrors.IsNotFound(err) {
			return b, nil, []string{
				fmt.Sprintf(
					"there is no backup %q. `opex restore --service %s` lists those of %s", name, s.Name, s.Name,
				),
			}
		} else if err != nil {
			return b, nil, []string{err.Error()}
		}
		if why := s.Unfit(b, now); why != "" {
			return b, nil, []string{
				fmt.Sprintf("backup %s: %s. `opex restore --service %s` lists others", name, why, s.Name),
			}
		}
		return b, nil, nil
	}
	backups, err := s.Velero.Backups(ctx, s.Plan.Schedule)
	if err != nil {
		return chosen, nil, []string{err.Error()}
	}
	for _, b := range backups {
		why := s.Unfit(b, now)
		if why == "" {
			return b, passed, nil
		}
		passed = append(passed, b.Name+": "+why)
	}
	if len(passed) == 0 {
		return chosen, nil, []string{
			fmt.Sprintf(
				"there is no backup of %s yet (Schedule %s); `opex drill --service %s` makes one", s.Name,
				s.Plan.Schedule, s.Name,
			),
		}
	}
	return chosen, nil, []string{
		fmt.Sprintf("no backup of %s is good:\n      %s", s.Name, strings.Join(passed, "\n      ")),
	}
}
