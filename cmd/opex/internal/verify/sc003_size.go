package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
	"github.com/opex-project/opex/internal/contract"
)

const (
	adviceWithin = 24 * time.Hour // from the object's making to its first recommendation
	// staleAfter is when a recommender that writes its history every minute has evidently stopped.
	staleAfter = 15 * time.Minute
)

var sizeAdvice = Criterion{
	ID:     "SC-003",
	Title:  "Sizes are advised on, and never changed unasked",
	Target: "update mode Off, a recommendation for each container within 24 h, above the recommender's floor",
	Why:    "Requests are what is paid for. Advice that changes pods by itself would restart them while they serve.",
	Check:  checkSizeAdvice,
}

func checkSizeAdvice(ctx context.Context, w *World, _ string, service contract.Service) Result {
	if w.Outputs.Size == nil || len(service.VerticalPodAutoscalers) == 0 {
		return unproven("size advice is off in this stack", "Set opex:size.enabled to true and run `pulumi up`")
	}
	objects, err := w.autoscalersIn(ctx, service.Namespace)
	if errors.Is(err, vpa.ErrNotInstalled) {
		return unproven(err.Error(), "`pulumi up` installs it")
	}
	if err != nil {
		return unproven(err.Error(), "Check the kubeconfig's rights: list verticalpodautoscalers")
	}
	var results []Result
	for _, wanted := range service.VerticalPodAutoscalers {
		results = append(results, w.advice(ctx, service.Namespace, wanted, objects))
	}
	found := worst(results)
	if found.Verdict == Pass {
		var actual []string
		for _, r := range results {
			actual = append(actual, r.Actual)
		}
		found.Actual = strings.Join(actual, "; ")
	}
	return found
}

// advice judges one object.
func (w *World) advice(ctx context.Context, namespace string, wanted contract.VerticalPodAutoscaler, objects []vpa.Object) Result {
	name := namespace + "/" + wanted.Name
	var object *vpa.Object
	for i := range objects {
		o := &objects[i]
		sameTarget := o.TargetKind == wanted.TargetKind && o.TargetName == wanted.TargetName
		switch {
		case o.Name == wanted.Name:
			object = o
		case sameTarget && o.UpdateMode != vpa.ModeOff:
			return fail(fmt.Sprintf("a second VerticalPodAutoscaler, %s, has mode %s on the same %s", o.Name, o.UpdateMode, wanted.TargetKind),
				"kubectl --namespace "+namespace+" delete verticalpodautoscaler "+o.Name)
		}
	}
	if object == nil {
		return fail("VerticalPodAutoscaler "+name+" does not exist", "`pulumi refresh` sees it, `pulumi up` makes it again")
	}
	evidence := []Fact{{name, fmt.Sprintf("mode %s, target %s/%s, made %s", object.UpdateMode, object.TargetKind, object.TargetName, object.Created.UTC().Format(time.RFC3339))}}
	if object.UpdateMode != vpa.ModeOff {
		return fail(fmt.Sprintf("%s has mode %s: it may change pods while they serve", name, object.UpdateMode),
			"kubectl --namespace "+namespace+" patch verticalpodautoscaler "+wanted.Name+` --type=merge --patch='{"spec":{"updatePolicy":{"updateMode":"Off"}}}'`, evidence...)
	}
	if object.TargetKind != wanted.TargetKind || object.TargetName != wanted.TargetName {
		return fail(fmt.Sprintf("%s looks at %s/%s, not at %s/%s", name, object.TargetKind, object.TargetName, wanted.TargetKind, wanted.TargetName),
			"`pulumi refresh` and `pulumi up` put it right", evidence...)
	}
	if missing := w.targetMissing(ctx, namespace, wanted); missing != nil {
		missing.Evidence = evidence
		return *missing
	}
	if trouble := w.recommenderTrouble(ctx); trouble != nil {
		trouble.Evidence = append(evidence, trouble.Evidence...)
		return *trouble
	}
	return w.recommendation(ctx, *object, wanted, evidence)
}

// recommendation judges what an object in order recommends.
func (w *World) recommendation(ctx context.Context, object vpa.Object, wanted contract.VerticalPodAutoscaler, evidence []Fact) Result {
	name, age := object.Namespace+"/"+object.Name, w.Now.Sub(object.Created)
	none := func(why string) Result {
		next := "Wait: the first recommendation comes within minutes of the pods' first use"
		if age > adviceWithin {
			return fail(fmt.Sprintf("%s: %s after %s", name, why, span(age)), "kubectl --namespace "+object.Namespace+" describe verticalpodautoscaler "+object.Name, evidence...)
		}
		if cause := w.withoutMetrics(ctx); cause != "" {
			next = cause
		}
		return unproven(fmt.Sprintf("%s: %s yet, %s after it was made", name, why, span(age)), next, evidence...)
	}
	if !object.Provided || object.ProvidedSince.IsZero() {
		return none(strings.TrimSpace("no recommendation " + object.Message))
	}
	took := object.ProvidedSince.Sub(object.Created)
	evidence = append(evidence, Fact{name + " first recommended", fmt.Sprintf("%s after it was made", span(took))})
	if took > adviceWithin {
		return fail(fmt.Sprintf("%s took %s to its recommendation", name, span(took)), "Look why the recommender was away so long", evidence...)
	}
	var targets []string
	for _, container := range wanted.Containers {
		r, is := object.Recommendation(container)
		if !is {
			return none("no recommendation for container " + container)
		}
		evidence = append(evidence, Fact{name + " container " + container, fmt.Sprintf("target cpu %s, memory %s; uncapped cpu %s, memory %s",
			r.Target.Cpu(), r.Target.Memory(), r.Uncapped.Cpu(), r.Uncapped.Memory())})
		if at, err := w.atFloor(r, len(wanted.Containers)); err != nil {
			return unproven(name+": "+err.Error(), "`pulumi up` writes the outputs anew", evidence...)
		} else if at != "" {
			return none(fmt.Sprintf("container %s: %s is at the recommender's floor, which is no information,", container, at))
		}
		targets = append(targets, fmt.Sprintf("%s %s/%s", container, r.Target.Cpu(), r.Target.Memory()))
	}
	checkpoints, err := w.checkpointsIn(ctx, object.Namespace)
	if err != nil {
		return unproven("whether the recommendation is kept up could not be seen: "+err.Error(), "Check the kubeconfig's rights: list verticalpodautoscalercheckpoints", evidence...)
	}
	for _, c := range checkpoints {
		if c.Autoscaler == object.Name && w.Now.Sub(c.Updated) > staleAfter {
			return unproven(fmt.Sprintf("%s: the recommender wrote its history last %s ago", name, span(w.Now.Sub(c.Updated))),
				"kubectl --namespace "+w.Outputs.Size.Namespace+" logs deployment/"+w.Outputs.Size.Deployment, evidence...)
		}
	}
	return pass(strings.Join(targets, ", "), evidence...)
}

// atFloor names the resource whose recommendation is the least that the recommender gives, or none. The floor is one pod's and
// shared by its containers (recommender/logic/recommender.go of VPA v1.8.1).
func (w *World) atFloor(r vpa.Recommendation, containers int) (string, error) {
	for _, floor := range []struct {
		kind corev1.ResourceName
		text string
	}{{corev1.ResourceCPU, w.Outputs.Size.FloorCPU}, {corev1.ResourceMemory, w.Outputs.Size.FloorMemory}} {
		quantity, err := resource.ParseQuantity(floor.text)
		if err != nil {
			return "", fmt.Errorf("the outputs give %q as the recommender's floor of %s", floor.text, floor.kind)
		}
		uncapped, is := r.Uncapped[floor.kind]
		if !is || uncapped.MilliValue() <= quantity.MilliValue()/int64(containers) {
			return string(floor.kind), nil
		}
	}
	return "", nil
}

func (w *World) targetMissing(ctx context.Context, namespace string, wanted contract.VerticalPodAutoscaler) *Result {
	var names []string
	var err error
	if wanted.TargetKind == "StatefulSet" {
		var list []appsv1.StatefulSet
		list, err = w.statefulSetsIn(ctx, namespace)
		for _, s := range list {
			names = append(names, s.Name)
		}
	} else {
		var list []appsv1.Deployment
		list, err = w.deploymentsIn(ctx, namespace)
		for _, d := range list {
			names = append(names, d.Name)
		}
	}
	if err != nil {
		r := unproven("the target could not be looked for: "+err.Error(), "Check the kubeconfig's rights")
		return &r
	}
	for _, name := range names {
		if name == wanted.TargetName {
			return nil
		}
	}
	r := fail(fmt.Sprintf("the target %s/%s does not exist", wanted.TargetKind, wanted.TargetName), "`pulumi refresh` sees it, `pulumi up` makes it again")
	return &r
}

// recommenderTrouble says why a recommendation would be a dead one's, or nothing.
func (w *World) recommenderTrouble(ctx context.Context) *Result {
	size := w.Outputs.Size
	next := "kubectl --namespace " + size.Namespace + " get pods"
	deployment, err := w.recommender.get("", func() (*appsv1.Deployment, error) {
		return w.Cluster.Client.AppsV1().Deployments(size.Namespace).Get(ctx, size.Deployment, metav1.GetOptions{})
	})
	switch {
	case apierrors.IsNotFound(err):
		r := unproven(fmt.Sprintf("the recommender, deployment %s/%s, is not there", size.Namespace, size.Deployment), "`pulumi up` installs it")
		return &r
	case err != nil:
		r := unproven("the recommender could not be looked for: "+err.Error(), "Check the kubeconfig's rights: get deployments")
		return &r
	case deployment.Status.ReadyReplicas == 0:
		r := unproven("the recommender does not run: what it recommended may be old", next)
		return &r
	}
	return nil
}

// withoutMetrics says what is wrong with the metrics that the recommender samples, or nothing.
func (w *World) withoutMetrics(ctx context.Context) string {
	served, err := w.metrics.get("", func() (bool, error) {
		_, err := w.Cluster.Client.Discovery().ServerResourcesForGroupVersion("metrics.k8s.io/v1beta1")
		return err == nil, ctx.Err()
	})
	if err == nil && !served {
		return "The cluster serves no metrics.k8s.io: install metrics-server (opex:size.metricsServer), or mend it"
	}
	return ""
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
}
