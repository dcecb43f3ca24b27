package diagnose

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/rightsize"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
)

// Advise gives a finding whose fix is a smaller request the value that `opex rightsize` proposes. Where nothing smaller
// is proposed, the words say so: then only a node more helps.
func (d *Diagnosis) Advise(ctx context.Context, cluster *kube.Cluster, outputs stack.Outputs, now time.Time) error {
	i := slices.IndexFunc(d.Findings, func(f Finding) bool { return len(f.Fix.Requests) > 0 })
	if i < 0 {
		return nil
	}
	fix := &d.Findings[i].Fix
	report, err := rightsize.Advise(ctx, cluster, outputs, []string{d.Service},
		rightsize.Options{Threshold: rightsize.DefaultThreshold, Now: now})
	if err != nil {
		return err
	}
	settings, _ := report.Settings()
	for _, s := range settings {
		last := len(s.Keys) - 1
		from, errFrom := resource.ParseQuantity(s.From)
		to, errTo := resource.ParseQuantity(s.To)
		if s.Keys[last-1] != "requests" || !slices.Contains(fix.Requests, s.Keys[last]) || errFrom != nil ||
			errTo != nil ||
			to.Cmp(from) >= 0 {
			continue
		}
		fix.Settings = append(fix.Settings, Change{Keys: s.Keys, From: s.From, To: s.To})
	}
	if len(fix.Settings) == 0 {
		fix.Words += fmt.Sprintf(" `opex rightsize` proposes no smaller request of %s: only a node more helps.",
			strings.Join(fix.Requests, " and "))
	}
	return nil
}
