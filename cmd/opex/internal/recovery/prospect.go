package recovery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// RestoreOptions are those of one restore.
type RestoreOptions struct {
	Backup       string        // or Newest
	IntoExisting bool          // go on where objects of the service exist
	Timeout      time.Duration // 0: reckoned from the plan
}

// Prospect is what a restore would do.
type Prospect struct {
	Backup   velero.Backup
	Passed   []string            // newer backups that are no good, and why
	Contents map[string][]string // of the backup: names by kind
	Unread   error               // why Contents is not known
	Existing []string            // objects that stay as they are
	Ending   bool                // the namespace is being deleted: its end is waited for
}

// Prospect finds out what a restore would do, and all that keeps it from being begun: refusal.Refused. It changes
// nothing.
func (s *Site) Prospect(ctx context.Context, o RestoreOptions) (Prospect, error) {
	var p Prospect
	if held := s.claim(evidence.KindRestore).Taken(ctx); len(held) > 0 {
		return p, refusal.Of(held...) // and it is what the queue and the namespace hold
	}
	problems := s.checkVault(ctx, false)
	var wrong []string
	p.Backup, p.Passed, wrong = s.choose(ctx, o.Backup, time.Now())
	problems = append(problems, wrong...)
	problems = append(problems, s.checkQueue(ctx, func(velero.Restore) bool { return false })...)
	space, err := s.Cluster.Client.CoreV1().Namespaces().Get(ctx, s.Service.Namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		problems = append(problems, err.Error())
	case space.DeletionTimestamp != nil || space.Status.Phase == corev1.NamespaceTerminating:
		p.Ending = true
	default:
		p.Existing, wrong = s.checkExisting(ctx, o.IntoExisting)
		problems = append(problems, wrong...)
	}
	if err := refusal.Of(problems...); err != nil {
		return p, err
	}
	bucket, err := shelf.OpenBucket(ctx, s.Cluster.Client, s.Vault)
	if err == nil {
		p.Contents, err = bucket.Contents(ctx, p.Backup.Name)
	}
	p.Unread = err
	return p, nil
}

// checkExisting lists what is in the namespace, and says why that keeps a restore from being begun.
func (s *Site) checkExisting(ctx context.Context, allowed bool) (found, problems []string) {
	found, err := s.existing(ctx)
	if err != nil {
		return nil, []string{err.Error()}
	}
	if len(found) > 0 && !allowed {
		problems = append(
			problems,
			fmt.Sprintf(
				"objects of %s exist in namespace %s: %s. To restore what is missing beside them: --into-existing; they are never overwritten. "+
					"To begin anew: kubectl delete namespace %s",
				s.Name,
				s.Service.Namespace,
				some(found),
				s.Service.Namespace,
			),
		)
	}
	there, err := s.databaseThere(ctx)
	if err != nil {
		problems = append(problems, err.Error())
	} else if there != "" {
		problems = append(problems, fmt.Sprintf("the database is there (%s in namespace %s), and a dump is loaded only into one that has just been made, so that nothing is overwritten. "+
			"Where only other objects are missing, `pulumi up` makes them; to go back to the backup's data, delete the StatefulSet and its claims first",
			there, s.Service.Namespace))
	}
	return found, problems
}

// some writes a list that may be long.
func some(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Text says what a restore would do, line by line.
func (s *Site) Text(p Prospect) string {
	var text strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&text, format+"\n", arguments...) }
	line("Restore of %s (%s), which replaces nothing:", s.Name, s.Outputs.Environment)
	line("  from       %s, made %s ago (%s)", p.Backup.Name, Human(time.Since(p.Backup.When())), stamp(p.Backup.When()))
	for _, passed := range p.Passed {
		line("             passed over, newer: %s", passed)
	}
	line(
		"  into       namespace %s of the cluster %s (context %s)", s.Service.Namespace, s.Cluster.UID,
		s.Outputs.Cluster.Context,
	)
	if p.Ending {
		line("             it is being deleted at this time; the restore begins when it is gone")
	}
	if p.Unread != nil {
		line("  creates    not known here, the backup's list could not be read: %v", p.Unread)
	}
	name := "creates"
	for _, kind := range slices.Sorted(maps.Keys(p.Contents)) {
		short := kind[strings.LastIndex(kind, "/")+1:]
		var plain []string
		for _, n := range p.Contents[kind] {
			plain = append(plain, n[strings.LastIndex(n, "/")+1:])
		}
		plain = slices.DeleteFunc(
			plain, func(n string) bool { return slices.Contains(p.Existing, strings.ToLower(short)+"/"+n) },
		)
		what := some(plain)
		if strings.HasPrefix(kind, chaosGroup+"/") {
			continue // left out
		}
		switch short {
		case "PersistentVolume":
			what = "made anew, empty, and filled from the backup"
		case "Endpoints", "EndpointSlice":
			what = "made anew by Kubernetes"
		case "CustomResourceDefinition", "Namespace":
			what += ", unless it exists"
		}
		if len(plain) > 0 {
			line("  %-10s %d %s: %s", name, len(plain), short, what)
			name = ""
		}
	}
	if len(p.Existing) > 0 {
		line("  leaves     as they are: %s", some(p.Existing))
	}
	return text.String()
}
