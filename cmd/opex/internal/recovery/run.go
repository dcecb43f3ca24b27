package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// run is one restore by Velero. Its ConfigMap of modifiers has its name.
type run struct {
	site     *Site
	name     string
	backup   string
	target   string // namespace
	rules    []rule
	leftOut  []any
	question question

	decided time.Time      // zero: when it begins
	restore velero.Restore // as it was seen last
}

// begin asks Velero for the restore. The recovery time counts from here, unless it was decided before.
func (r *run) begin(ctx context.Context) error {
	s := r.site
	maps := s.Cluster.Client.CoreV1().ConfigMaps(s.Vault.Namespace)
	made, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name:      r.name,
			Namespace: s.Vault.Namespace,
			Labels:    map[string]string{contract.LabelManagedBy: "opex"},
		},
		Data: map[string]string{"modifiers.yaml": document(r.rules)},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("modifiers of the restore: %w", err)
	}
	spec := map[string]any{
		"backupName": r.backup, "includedNamespaces": []any{s.Service.Namespace}, "excludedResources": r.leftOut,
		"existingResourcePolicy": "none", "resourceModifier": map[string]any{"kind": "configmap", "name": r.name},
	}
	if r.target != s.Service.Namespace {
		spec["namespaceMapping"] = map[string]any{s.Service.Namespace: r.target}
	}
	if r.decided.IsZero() {
		r.decided = time.Now()
	}
	r.restore, err = s.Velero.CreateRestore(ctx, r.name, map[string]string{contract.LabelManagedBy: "opex"}, spec)
	if err != nil {
		return err
	}
	// It goes with the restore.
	made.OwnerReferences = []metav1.OwnerReference{
		{APIVersion: "velero.io/v1", Kind: "Restore", Name: r.name, UID: types.UID(r.restore.UID)},
	}
	if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		s.Say("note: ConfigMap %s/%s will stay when the restore's record goes: %v", s.Vault.Namespace, r.name, err)
	}
	return nil
}

// follow waits until Velero is done and the service answers correctly, and returns when that was. It ends as soon as
// one of the two cannot happen any more.
func (r *run) follow(ctx context.Context, limit time.Duration) (answered time.Time, err error) {
	s := r.site
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers := r.question.ask(ctx, s, r.target)
	err = s.wait(ctx, "restore "+r.name, limit, func(ctx context.Context) (string, bool, error) {
		found, err := s.Velero.Restore(ctx, r.name)
		if apierrors.IsNotFound(err) {
			return "", true, fmt.Errorf("somebody deleted it: %w", err)
		} else if err != nil {
			return "", false, err
		}
		r.restore = found
		volumes, err := s.Velero.PodVolumeRestores(ctx, r.name)
		if err != nil {
			return "", false, err
		}
		pods, err := r.pods(ctx)
		if err != nil {
			return "", false, err
		}
		if err := r.broken(ctx, volumes, pods); err != nil {
			return "", true, err
		}
		at, last := answers.state()
		answered = at
		return r.state(volumes, pods, last), velero.Done(found.Phase) && !at.IsZero(), nil
	})
	return answered, err
}

// broken says why the restore cannot become good any more.
func (r *run) broken(ctx context.Context, volumes []velero.PodVolume, pods []corev1.Pod) error {
	for _, v := range volumes {
		if velero.Done(v.Phase) && v.Phase != velero.PhaseCompleted {
			return fmt.Errorf(
				"the volume %s of pod %s was not filled: PodVolumeRestore %s is %s%s", v.Volume, v.Pod, v.Name, v.Phase,
				detail(v.Message),
			)
		}
	}
	f := r.restore
	switch {
	case !velero.Done(f.Phase):
		return nil
	case f.HooksFailed > 0:
		return fmt.Errorf("the load failed: %d of %d hooks%s", f.HooksFailed, f.HooksAttempted, r.noted(ctx))
	case f.Phase != velero.PhaseCompleted:
		return fmt.Errorf(
			"restore %s is %s%s%s%s", f.Name, f.Phase, detail(f.FailureReason),
			detail(strings.Join(f.ValidationErrors, "; ")), r.noted(ctx),
		)
	case r.site.hasDatabase() && hookMissing(f, matching(pods, r.site.Service.Database.Selector), time.Now()):
		return errors.New("no hook ran after the restore, so no dump was loaded")
	}
	return nil
}

// loadShows is how long a database may take to be ready once its dump was loaded: a few probes.
const loadShows = 30 * time.Second

// hookMissing says that the dump was never loaded. Velero's word alone does not say so: v1.18.3 may finish a restore
// twice and forget its hooks the second time, when its cache still shows the restore as it was. A database that is
// ready was loaded.
func hookMissing(f velero.Restore, databases []corev1.Pod, now time.Time) bool {
	return f.HooksAttempted == 0 && readySince(databases).IsZero() && now.Sub(f.Completed) > loadShows
}

// noted returns the errors that Velero keeps of the restore in the bucket, and where to read on.
func (r *run) noted(ctx context.Context) string {
	text := r.site.readOn(r.name)
	bucket, err := shelf.OpenBucket(ctx, r.site.Cluster.Client, r.site.Vault)
	if err != nil {
		return text
	}
	lines, err := bucket.RestoreErrors(ctx, r.name)
	if err != nil || len(lines) == 0 {
		return text
	}
	return detail(strings.Join(lines, "; ")) + text
}

// state is one line of progress.
func (r *run) state(volumes []velero.PodVolume, pods []corev1.Pod, last string) string {
	parts := []string{or(r.restore.Phase, "waiting for Velero")}
	if r.restore.ItemsTotal > 0 {
		parts[0] += fmt.Sprintf(", %d of %d objects", r.restore.ItemsRestored, r.restore.ItemsTotal)
	}
	for _, v := range volumes {
		text := "volume " + v.Volume + " " + or(v.Phase, "New")
		if v.TotalBytes > 0 && v.Phase != velero.PhaseCompleted {
			text += fmt.Sprintf(" %s of %s", Size(v.BytesDone), Size(v.TotalBytes))
		}
		parts = append(parts, text)
	}
	for _, p := range pods {
		if why := waiting(p); why != "" {
			parts = append(parts, "pod "+p.Name+" "+why)
		}
	}
	if last != "" {
		parts = append(parts, last)
	}
	return strings.Join(parts, "; ")
}

// pods are those of the service in the target, but those that were put aside.
func (r *run) pods(ctx context.Context) ([]corev1.Pod, error) {
	found, err := r.site.Cluster.Client.CoreV1().
		Pods(r.target).
		List(ctx, metav1.ListOptions{LabelSelector: selector(r.site.Plan.Selector) + ",!" + labelAside})
	if err != nil {
		return nil, err
	}
	return found.Items, nil
}
