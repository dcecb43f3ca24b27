package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// covers judges what is in a Schedule's backups.
func (w *World) covers(ctx context.Context, name string, service contract.Service, s velero.Schedule) Result {
	who := "Schedule " + s.Name
	if !includes(s.Namespaces, service.Namespace) || len(s.ExcludedNamespaces) > 0 && includes(s.ExcludedNamespaces,
		service.Namespace) {
		return fail(fmt.Sprintf("%s leaves the namespace %s out", who, service.Namespace), putRight)
	}
	if s.PodsLeftOut != "" {
		return fail(fmt.Sprintf("%s leaves pods out, by %s: no hook runs, and the backup is called complete all the same", who,
			s.PodsLeftOut), putRight)
	}
	all, err := w.podsIn(ctx, service.Namespace)
	if err != nil {
		return unproven(fmt.Sprintf("the pods of namespace %s could not be listed: %v", service.Namespace, err),
			nextForLookup(err, "list pods"))
	}
	var inside []string
	for _, pod := range all {
		if pod.Status.Phase != corev1.PodRunning || !belongs(pod.Labels, name, service) {
			continue
		}
		if !s.Selects(pod.Labels) {
			return fail(fmt.Sprintf("%s leaves pod %s out: its labels are %s", who, pod.Name, show(pod.Labels)), putRight)
		}
		inside = append(inside, pod.Name)
	}
	evidence := Fact{"pods in the backups", strings.Join(inside, ", ")}
	next := "kubectl --namespace " + service.Namespace + " get pods"
	if len(inside) == 0 {
		return unproven("no pod of the service is Running, so whether its backups hold them cannot be seen", next)
	}
	if service.Database == nil {
		return pass("", evidence)
	}
	databases, err := w.runningIn(ctx, service.Namespace, service.Database.Selector)
	if err == nil && len(databases) == 0 {
		return unproven("no pod of statefulset "+service.Database.StatefulSet+" is Running", next, evidence)
	}
	for _, pod := range databases {
		for _, pre := range []bool{true, false} {
			if wrong := hookTrouble(s, pod, service, pre); wrong != "" {
				return fail(who+" has "+wrong, putRight, evidence)
			}
		}
		if volumes := pod.Annotations[velero.AnnotationVolumes]; !slices.Contains(strings.Split(volumes, ","),
			service.Database.DumpVolume) {
			return fail(fmt.Sprintf("the dump volume %s of pod %s is not copied: its annotation %s is %q", service.Database.DumpVolume,
				pod.Name, velero.AnnotationVolumes, volumes), putRight, evidence)
		}
	}
	return pass("", evidence, Fact{"hooks of the database", hooksOf(s)})
}

// includes reads a list of namespaces as Velero does: none and * are all.
func includes(list []string, namespace string) bool {
	return len(list) == 0 || slices.Contains(list, "*") || slices.Contains(list, namespace)
}

// hookTrouble says what is wrong with the hooks that run before or after a database's pod is backed up, or nothing.
func hookTrouble(s velero.Schedule, pod corev1.Pod, service contract.Service, pre bool) string {
	kind := map[bool]string{true: "pre", false: "post"}[pre]
	trouble := fmt.Sprintf("no %s hook for pod %s", kind, pod.Name)
	for _, h := range s.Hooks {
		if h.Pre != pre || !h.Selects(pod.Labels) || !includes(h.Namespaces, pod.Namespace) {
			continue
		}
		switch {
		case h.Container != service.Database.Container:
			trouble = fmt.Sprintf("a %s hook for pod %s in container %q, want %s", kind, pod.Name, h.Container, service.Database.Container)
		case h.OnError != "" && h.OnError != "Fail":
			trouble = fmt.Sprintf("a %s hook for pod %s whose failure does not fail the backup: onError is %s", kind, pod.Name, h.OnError)
		default:
			return ""
		}
	}
	return trouble
}

func hooksOf(s velero.Schedule) string {
	var all []string
	for _, h := range s.Hooks {
		all = append(all, fmt.Sprintf("%s %s in %s for %s at most", map[bool]string{true: "before:", false: "after:"}[h.Pre],
			strings.Join(h.Command, " "), h.Container, exact(h.Timeout)))
	}
	return strings.Join(all, ", ")
}
