package recovery

import (
	"context"
	"fmt"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/table"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// Listed is a backup with what is known of it.
type Listed struct {
	Service        string           `json:"service"`
	Name           string           `json:"name"`
	Phase          string           `json:"phase"`
	StartedAt      time.Time        `json:"startedAt"`
	ExpiresAt      time.Time        `json:"expiresAt,omitzero"`
	HooksAttempted int              `json:"hooksAttempted"`
	HooksFailed    int              `json:"hooksFailed"`
	Bytes          int64            `json:"bytes"`          // of its volumes
	Rows           int64            `json:"rows,omitempty"` // as the proof found them
	Good           bool             `json:"good"`           // `opex restore` would take it
	Proof          string           `json:"proof"`
	ProvenAt       time.Time        `json:"provenAt,omitzero"`
	Record         *evidence.Record `json:"-"` // newest of it
}

// List returns the backups of the service, the newest first.
func (s *Site) List(ctx context.Context, now time.Time) ([]Listed, error) {
	backups, err := s.Velero.Backups(ctx, s.Plan.Schedule)
	if err != nil {
		return nil, err
	}
	records, err := shelf.Latest(ctx, s.Cluster.Client, s.Vault, s.Name)
	if err != nil {
		return nil, err
	}
	listed := make([]Listed, len(backups))
	for i, b := range backups {
		volumes, err := s.Velero.PodVolumeBackups(ctx, b.Name)
		if err != nil {
			return nil, err
		}
		l := Listed{
			Service:        s.Name,
			Name:           b.Name,
			Phase:          or(b.Phase, "New"),
			StartedAt:      b.When().UTC(),
			ExpiresAt:      b.Expiration.UTC(),
			HooksAttempted: b.HooksAttempted,
			HooksFailed:    b.HooksFailed,
			Good:           s.Unfit(b, now) == "",
		}
		for _, v := range volumes {
			l.Bytes += v.TotalBytes
		}
		l.Proof = s.proof(&l, b, records, now)
		listed[i] = l
	}
	return listed, nil
}

// proof says what is known of a backup: what proved it, else what is wrong with it.
func (s *Site) proof(l *Listed, b velero.Backup, records []evidence.Record, now time.Time) string {
	var newest *evidence.Record
	for i := range records {
		if records[i].Backup.Name == b.Name && (b.UID == "" || records[i].Backup.UID == b.UID) {
			newest = &records[i]
			break
		}
	}
	why := s.Unfit(b, now)
	switch {
	case !velero.Done(b.Phase) && !b.Deleting:
		return "being made"
	case newest != nil && newest.Verdict == evidence.Proven:
		l.Rows, l.ProvenAt = newest.Rows(), newest.FinishedAt
		text := fmt.Sprintf(
			"proven restorable %s ago, in %s", Human(now.Sub(newest.FinishedAt)), Human(newest.RTO.Duration()),
		)
		if why != "" {
			text += "; " + why
		}
		return text
	case why != "":
		return why
	case newest != nil:
		return fmt.Sprintf("%s failed %s ago: %s", newest.Kind, Human(now.Sub(newest.FinishedAt)), newest.Reason)
	}
	return "never tried"
}

// ListTable shows backups for people.
func ListTable(listed []Listed, now time.Time) table.Table {
	t := table.Table{
		Header: []string{"SERVICE", "BACKUP", "AGE", "PHASE", "HOOKS", "SIZE", "ROWS", "EXPIRES IN", "PROOF"},
		Right:  []int{2, 4, 5, 6, 7},
	}
	for _, l := range listed {
		rows, expires := "", ""
		if l.Rows > 0 {
			rows = fmt.Sprint(l.Rows)
		}
		if !l.ExpiresAt.IsZero() {
			expires = Human(l.ExpiresAt.Sub(now))
		}
		t.Rows = append(t.Rows, []string{l.Service, l.Name, Human(now.Sub(l.StartedAt)), l.Phase,
			fmt.Sprintf(
				"%d/%d", l.HooksAttempted-l.HooksFailed, l.HooksAttempted,
			), Size(l.Bytes), rows, expires, l.Proof})
	}
	return t
}
