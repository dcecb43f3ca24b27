package rightsize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
	"github.com/opex-project/opex/internal/contract"
)

// staleAfter is how old a checkpoint may be. A recommender that runs writes each about once a minute.
const staleAfter = 15 * time.Minute

// vpaTarget is a workload and the VerticalPodAutoscaler that the stack declares for it.
type vpaTarget struct {
	declared contract.VerticalPodAutoscaler
	object   vpa.Object // as it is in the cluster
	live     workload
	who      string // the VerticalPodAutoscaler, for people
	name     string // kind/name of the workload
}

// workload adds the rows of one VerticalPodAutoscaler's target.
func (a advisor) workload(
	ctx context.Context, s *Service, in string, declared contract.VerticalPodAutoscaler, n namespace,
) {
	t, err := a.readTarget(ctx, in, declared, n)
	if err != nil {
		s.problem("%v", err)
		return
	}
	if t.object.UpdateMode != vpa.ModeOff {
		s.warn("%s has update mode %s: where an updater runs, it and not the stack decides what pods request, "+
			"and restarts them for it. Off only advises", t.who, t.object.UpdateMode)
	}
	if rivals := n.rivals(t.object); len(rivals) > 0 {
		s.warn("%s: %s looks at %s as well. Two on one target give two answers; delete the one that is not the stack's",
			t.who, strings.Join(rivals, ", "), t.name)
	}
	if len(t.object.Recommendations) == 0 {
		s.problem("%s", a.noRecommendation(t.who, t.object))
	}
	for _, container := range t.live.containers {
		a.checkContainer(s, t, container.Name, n.checkpoint(t.object.Name, container.Name))
		a.addRows(s, t, container, n)
	}
	for _, name := range declared.Containers {
		if !slices.ContainsFunc(t.live.containers, func(c corev1.Container) bool { return c.Name == name }) {
			s.warn("%s: the pods of %s have no container %s, which the stack declares", t.who, t.name, name)
		}
	}
}

// readTarget finds the VerticalPodAutoscaler and its target. The error says why there is nothing to compare.
func (a advisor) readTarget(
	ctx context.Context, in string, declared contract.VerticalPodAutoscaler, n namespace,
) (vpaTarget, error) {
	t := vpaTarget{
		declared: declared,
		who:      "VerticalPodAutoscaler " + in + "/" + declared.Name,
		name:     declared.TargetKind + "/" + declared.TargetName,
	}
	var found bool
	t.object, found = n.autoscaler(declared.Name)
	switch {
	case !found:
		return t, fmt.Errorf("%s is gone: `pulumi up --refresh` brings it back", t.who)
	case t.object.TargetKind != declared.TargetKind || t.object.TargetName != declared.TargetName:
		return t, fmt.Errorf(
			"%s looks at %s/%s, the stack declares %s: it was changed by hand. `pulumi up --refresh` sets it right",
			t.who, t.object.TargetKind, t.object.TargetName, t.name,
		)
	}
	var err error
	t.live, err = readWorkload(ctx, a.cluster, in, declared.TargetKind, declared.TargetName)
	switch {
	case errors.Is(err, errGone):
		return t, fmt.Errorf(
			"%s: its target %s is gone, so there is no request to compare with. `pulumi up --refresh` brings it back",
			t.who, t.name,
		)
	case err != nil:
		return t, fmt.Errorf("%s: its target %s: %w", t.who, t.name, err)
	}
	return t, nil
}

// checkContainer warns of what makes the advice on a container doubtful.
func (a advisor) checkContainer(s *Service, t vpaTarget, container string, checkpoint *vpa.Checkpoint) {
	if _, has := t.object.Policy(container); !has {
		s.warn("%s: container %s of %s has no policy, so nothing bounds what is recommended for it",
			t.who, container, t.name)
	}
	recommends := len(t.object.Recommendations) > 0
	if _, has := t.object.Recommendation(container); !has && recommends && a.advised(t.object, container) {
		s.problem(
			"%s: container %s of %s has no recommendation, while others have: it was added lately, or has no metrics",
			t.who, container, t.name,
		)
	}
	if checkpoint != nil && a.options.Now.Sub(checkpoint.Updated) > staleAfter {
		s.warn("%s: the history of container %s was last written %s ago, so the recommendation is as old",
			t.who, container, age(a.options.Now.Sub(checkpoint.Updated)))
	}
	if text := newConfidence(checkpoint).doubt(); text != "" && recommends {
		s.warn("%s: container %s has %s", t.name, container, text)
	}
}

// addRows adds the rows of one container.
func (a advisor) addRows(s *Service, t vpaTarget, container corev1.Container, n namespace) {
	for _, kind := range []string{cpu, memory} {
		row := Row{
			Workload:   t.name,
			Container:  container.Name,
			Resource:   kind,
			Replicas:   t.live.replicas,
			Confidence: newConfidence(n.checkpoint(t.object.Name, container.Name)),
		}
		if slices.Index(t.declared.Containers, container.Name) == 0 {
			row.setting = append(strings.Split(t.declared.Setting, "."), "requests", kind)
		}
		a.judge(&row, t.object, container, n)
		s.Rows = append(s.Rows, row)
	}
}

// advised says that nobody turned recommendations off for a container.
func (a advisor) advised(object vpa.Object, container string) bool {
	policy, has := object.Policy(container)
	return !has || policy.Mode != vpa.ContainerOff && len(policy.ControlledResources) > 0
}

func (a advisor) noRecommendation(who string, object vpa.Object) string {
	text := who + " has no recommendation"
	if object.Message != "" {
		text += " (" + object.Message + ")"
	}
	text += ", " + age(a.options.Now.Sub(object.Created)) + " after it was made"
	if len(a.causes) == 0 {
		return text + ". The first comes about two minutes after its pods run; then see the recommender's log"
	}
	return text + ". The cause: " + strings.Join(a.causes, "; ")
}
