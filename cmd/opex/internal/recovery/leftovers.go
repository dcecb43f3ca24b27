package recovery

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// What a drill writes on the namespace that it makes.
const (
	labelDrill        = "opex/drill"   // the service
	annotationRestore = "opex/restore" // the Restore that fills it
	annotationKept    = "opex/kept"    // true: it is meant to stay
)

// clearLeftovers removes copies of drills that died before they could: they take room that the next one needs. It is
// for the holder of the drill's Lease, so none of them runs any more. What was to be kept is only mentioned.
func (s *Site) clearLeftovers(ctx context.Context) {
	found, err := s.Cluster.Client.CoreV1().Namespaces().List(
		ctx, metav1.ListOptions{LabelSelector: labelDrill + "=" + s.Name},
	)
	if err != nil {
		s.Say("note: could not look for copies that earlier drills left: %v", err)
		return
	}
	for _, space := range found.Items {
		if space.Annotations[annotationKept] == "true" {
			s.Say(
				"note: the copy of an earlier drill is kept in namespace %s; to remove it: kubectl delete namespace %s",
				space.Name, space.Name,
			)
			continue
		}
		s.Say("an earlier drill died; what it left is removed: namespace %s", space.Name)
		if name := space.Annotations[annotationRestore]; name != "" {
			s.forget(ctx, &run{site: s, name: name, target: space.Name})
		}
		if err := s.removeNamespace(ctx, space.Name, space.UID); err != nil {
			s.Say("note: %v", err)
		}
	}
}

// clearQueue ends restores of drills that died, where their namespaces are gone: Velero would let the next one wait.
func (s *Site) clearQueue(ctx context.Context) {
	restores, err := s.Velero.Restores(ctx)
	if err != nil {
		s.Say("note: could not look for restores that earlier drills left: %v", err)
		return
	}
	for _, r := range restores {
		if s.ofDrill(r) && !velero.Done(r.Phase) {
			s.Say("an earlier drill died; its restore %s is ended", r.Name)
			s.forget(ctx, &run{site: s, name: r.Name, target: r.NamespaceMapping[s.Service.Namespace]})
		}
	}
}

func (s *Site) forget(ctx context.Context, r *run) {
	if err := r.remove(ctx); err != nil {
		s.Say("note: %v", err)
	}
}

// ofDrill says that a drill of this service asked for the restore: it has such a name, and goes to another namespace.
func (s *Site) ofDrill(r velero.Restore) bool {
	target := r.NamespaceMapping[s.Service.Namespace]
	return strings.HasPrefix(r.Name, s.drillPrefix()) && target != "" && target != s.Service.Namespace
}

func (s *Site) drillPrefix() string { return s.Plan.Schedule + "-drill-" }
