package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// covers judges what is in a Schedule's backups.
func (w *World) covers(
	ctx context.Context, name string, service contract.Service, plan plan, s velero.Schedule,
) Result {
	who := "Schedule " + s.Name
	if !includesNamespace(s, service.Namespace) {
		return fail(fmt.Sprintf("%s leaves the namespace %s out", who, service.Namespace), putRight)
	}
	if s.PodsLeftOut != "" {
		return fail(
			fmt.Sprintf("%s leaves pods out, by %s: no hook runs, and the backup is called complete all the same", who,
				s.PodsLeftOut),
			putRight,
		)
	}
	all, err := w.podsIn(ctx, service.Namespace)
	if err != nil {
		return podsUnlisted(service.Namespace, err, "list pods")
	}
	var inside []string
	for _, pod := range all {
		if pod.Status.Phase != corev1.PodRunning || !belongs(pod.Labels, name, service) {
			continue
		}
		if !s.Selects(pod.Labels) {
			return fail(
				fmt.Sprintf("%s leaves pod %s out: its labels are %s", who, pod.Name, show(pod.Labels)), putRight,
			)
		}
		inside = append(inside, pod.Name)
	}
	if len(inside) == 0 {
		return unproven("no pod of the service is Running, so whether its backups hold them cannot be seen",
			getPods(service.Namespace))
	}
	evidence := Fact{"pods in the backups", strings.Join(inside, ", ")}
	if service.Database == nil {
		return pass("", evidence)
	}
	return w.coversDatabase(ctx, service, plan, s, evidence)
}

// coversDatabase judges whether a Schedule's backups hold the dump of the service's database.
func (w *World) coversDatabase(
	ctx context.Context, service contract.Service, plan plan, s velero.Schedule, evidence Fact,
) Result {
	databases, err := w.runningIn(ctx, service.Namespace, service.Database.Selector)
	if err != nil {
		return podsUnlisted(service.Namespace, err, "list pods")
	}
	if len(databases) == 0 {
		return noDatabasePod(service, evidence)
	}
	for _, pod := range databases {
		result := coversDump(pod, *service.Database, plan, s)
		if result.Verdict != Pass {
			result.Evidence = []Fact{evidence}
			return result
		}
	}
	hooks := Fact{"hooks of the database", hooksOf(s)}
	if plan.pre == nil || plan.post == nil {
		return unproven(
			"the stack's outputs do not say which hooks the Schedule should have", writeOutputs, evidence, hooks,
		)
	}
	return pass("", evidence, hooks)
}

// coversDump judges whether a backup makes the dump of a database's pod, and copies it.
func coversDump(pod corev1.Pod, database contract.Database, plan plan, s velero.Schedule) Result {
	wrong := cmp.Or(
		hookTrouble(s, pod, database.Container, true, plan.pre),
		hookTrouble(s, pod, database.Container, false, plan.post),
	)
	if wrong != "" {
		return fail("Schedule "+s.Name+" has "+wrong, putRight)
	}
	for _, key := range slices.Sorted(maps.Keys(pod.Annotations)) {
		if strings.HasSuffix(key, velero.AnnotationHook) {
			return fail(
				fmt.Sprintf(
					"pod %s has the annotation %s: Velero runs %s, and not the Schedule's hook", pod.Name, key,
					pod.Annotations[key],
				),
				fmt.Sprintf(
					"kubectl --namespace %s annotate pod %s %s-; if it comes back, %s", pod.Namespace, pod.Name, key,
					putRight,
				),
			)
		}
	}
	volumes := pod.Annotations[velero.AnnotationVolumes]
	if !slices.Contains(strings.Split(volumes, ","), database.DumpVolume) {
		return fail(
			fmt.Sprintf(
				"the dump volume %s of pod %s is not copied: its annotation %s is %q", database.DumpVolume, pod.Name,
				velero.AnnotationVolumes, volumes,
			),
			putRight,
		)
	}
	return pass("")
}

// includesNamespace says whether a Schedule's backups hold a namespace.
func includesNamespace(s velero.Schedule, namespace string) bool {
	excluded := len(s.ExcludedNamespaces) > 0 && includes(s.ExcludedNamespaces, namespace)
	return includes(s.Namespaces, namespace) && !excluded
}

// includes reads a list of namespaces as Velero does: none and * are all.
func includes(list []string, namespace string) bool {
	return len(list) == 0 || slices.Contains(list, "*") || slices.Contains(list, namespace)
}

// hookTrouble says what is wrong with the hooks that run before or after a database's pod is backed up, or nothing. One
// beside the stack's may put another dump in the place of its. Outputs of an older version want nothing of it: nil.
func hookTrouble(s velero.Schedule, pod corev1.Pod, container string, pre bool, want *hook) string {
	kind := map[bool]string{true: "pre", false: "post"}[pre]
	found := slices.DeleteFunc(slices.Clone(s.Hooks), func(h velero.Hook) bool {
		return h.Pre != pre || !h.Selects(pod.Labels) || !includes(h.Namespaces, pod.Namespace)
	})
	if len(found) == 0 {
		return fmt.Sprintf("no %s hook for pod %s", kind, pod.Name)
	}
	who := fmt.Sprintf("a %s hook for pod %s", kind, pod.Name)
	switch h := found[0]; {
	case len(found) > 1:
		return fmt.Sprintf("%d %s hooks for pod %s, and the stack's is one", len(found), kind, pod.Name)
	case h.Container != container:
		return fmt.Sprintf("%s in container %q, want %s", who, h.Container, container)
	case h.OnError != "" && h.OnError != "Fail":
		return fmt.Sprintf("%s whose failure does not fail the backup: onError is %s", who, h.OnError)
	case want == nil:
		return ""
	case !slices.Equal(h.Command, want.command):
		return fmt.Sprintf("%s that runs %q, the stack's is %q", who, h.Command, want.command)
	case h.Timeout != want.timeout:
		return fmt.Sprintf("%s with the timeout %s, the stack's is %s", who, exact(h.Timeout), exact(want.timeout))
	}
	return ""
}

func hooksOf(s velero.Schedule) string {
	var all []string
	for _, h := range s.Hooks {
		all = append(
			all,
			fmt.Sprintf("%s %s in %s for %s at most", map[bool]string{true: "before:", false: "after:"}[h.Pre],
				strings.Join(h.Command, " "), h.Container, exact(h.Timeout)),
		)
	}
	return strings.Join(all, ", ")
}
