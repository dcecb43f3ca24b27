package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
		return unproven(err.Error(), nextForLookup(err, "list verticalpodautoscalers in namespace "+service.Namespace))
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
func (w *World) advice(
	ctx context.Context, namespace string, wanted contract.VerticalPodAutoscaler, objects []vpa.Object,
) Result {
	name := namespace + "/" + wanted.Name
	var object *vpa.Object
	for i := range objects {
		o := &objects[i]
		sameTarget := o.TargetKind == wanted.TargetKind && o.TargetName == wanted.TargetName
		switch {
		case o.Name == wanted.Name:
			object = o
		case sameTarget && o.UpdateMode != vpa.ModeOff:
			return fail(
				fmt.Sprintf(
					"a second VerticalPodAutoscaler, %s, has mode %s on the same %s", o.Name, o.UpdateMode,
					wanted.TargetKind,
				),
				"kubectl --namespace "+namespace+" delete verticalpodautoscaler "+o.Name,
			)
		}
	}
	if object == nil {
		return fail("VerticalPodAutoscaler "+name+" does not exist", makeAgain)
	}
	evidence := []Fact{{name, fmt.Sprintf("mode %s, target %s/%s, made %s",
		object.UpdateMode, object.TargetKind, object.TargetName, object.Created.UTC().Format(time.RFC3339))}}
	if object.UpdateMode != vpa.ModeOff {
		return fail(fmt.Sprintf("%s has mode %s: it may change pods while they serve", name, object.UpdateMode),
			"kubectl --namespace "+namespace+" patch verticalpodautoscaler "+wanted.Name+
				` --type=merge --patch='{"spec":{"updatePolicy":{"updateMode":"Off"}}}'`, evidence...)
	}
	if object.TargetKind != wanted.TargetKind || object.TargetName != wanted.TargetName {
		return fail(
			fmt.Sprintf(
				"%s looks at %s/%s, not at %s/%s", name, object.TargetKind, object.TargetName, wanted.TargetKind,
				wanted.TargetName,
			),
			putRight,
			evidence...)
	}
	for _, trouble := range []*Result{w.targetMissing(ctx, namespace, wanted), w.recommenderTrouble(ctx)} {
		if trouble != nil {
			trouble.Evidence = evidence
			return *trouble
		}
	}
	evidence = append(evidence, w.horizontalOn(ctx, namespace, wanted)...)
	return w.recommendation(ctx, *object, wanted, evidence)
}

// recommendation judges what an object in order recommends.
func (w *World) recommendation(
	ctx context.Context, object vpa.Object, wanted contract.VerticalPodAutoscaler, evidence []Fact,
) Result {
	name, age := object.Namespace+"/"+object.Name, w.Now.Sub(object.Created)
	none := func(why string) Result {
		next := "Wait: the first recommendation comes within minutes of the pods' first use"
		if age > adviceWithin {
			return fail(fmt.Sprintf("%s: %s after %s", name, why, span(age)),
				"kubectl --namespace "+object.Namespace+" describe verticalpodautoscaler "+object.Name, evidence...)
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
		return fail(
			fmt.Sprintf("%s took %s to its recommendation", name, span(took)),
			"Look why the recommender was away so long",
			evidence...)
	}
	if len(wanted.Containers) == 0 {
		return unproven("the stack's outputs name no container of "+name, writeOutputs, evidence...)
	}
	var targets []string
	for _, container := range wanted.Containers {
		r, is := object.Recommendation(container)
		if !is {
			return none("no recommendation for container " + container)
		}
		evidence = append(
			evidence,
			Fact{name + " container " + container, fmt.Sprintf("target cpu %s, memory %s; uncapped cpu %s, memory %s",
				r.Target.Cpu(), r.Target.Memory(), r.Uncapped.Cpu(), r.Uncapped.Memory())},
		)
		if at, err := w.silent(ctx, object, r); err != nil {
			return unproven(name+": "+err.Error(), writeOutputs, evidence...)
		} else if at != "" {
			return none(fmt.Sprintf("container %s: %s is at the recommender's floor, which is no information,", container, at))
		}
		targets = append(targets, fmt.Sprintf("%s %s/%s", container, r.Target.Cpu(), r.Target.Memory()))
	}
	if trouble := w.history(ctx, object, wanted.Containers, &evidence); trouble != nil {
		trouble.Evidence = evidence
		return *trouble
	}
	return pass(strings.Join(targets, ", "), evidence...)
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
