package verify

import (
	"context"
	"slices"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// Ages is how old the newest good evidence of each kind is: backup (complete), drill and gameday (proven). A kind of
// which there is none is absent.
type Ages map[string]time.Duration

// Ages looks at the evidence of a service. What was asked for a check before is not asked again.
func (w *World) Ages(ctx context.Context, name string) Ages {
	service, ages := w.Outputs.Services[name], Ages{}
	if w.Outputs.Backup != nil && service.Backup != nil {
		if all, err := w.backups(ctx, service.Backup.Schedule); err == nil { // the newest first
			if i := slices.IndexFunc(all, func(b velero.Backup) bool { return b.Phase == velero.PhaseCompleted }); i >= 0 {
				ages["backup"] = w.Now.Sub(all[i].When())
			}
		}
		if all, err := w.records(ctx, name); err == nil {
			if i := slices.IndexFunc(all, func(r evidence.Record) bool { return r.Kind == evidence.KindDrill && r.Verdict == evidence.Proven }); i >= 0 {
				ages["drill"] = w.Now.Sub(all[i].StartedAt)
			}
		}
	}
	if w.Outputs.Chaos != nil && service.Chaos != nil {
		if all, err := w.gameDays(ctx, name); err == nil {
			for _, r := range slices.Backward(all) {
				if r.Verdict == evidence.Proven {
					ages["gameday"] = w.Now.Sub(r.StartedAt)
					break
				}
			}
		}
	}
	return ages
}
