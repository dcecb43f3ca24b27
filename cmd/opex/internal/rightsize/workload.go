package rightsize

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
	"github.com/opex-project/opex/internal/contract"
)

// staleAfter is how old a checkpoint may be. A recommender that runs writes each about once a minute.
const staleAfter = 15 * time.Minute

// workload adds the rows of one VerticalPodAutoscaler's target.
func (a advisor) workload(
	ctx context.Context, s *Service, in string, declared contract.VerticalPodAutoscaler, n namespace,
) {
	who := "VerticalPodAutoscaler " + in + "/" + declared.Name
	target := declared.TargetKind + "/" + declared.TargetName
	object, found := n.autoscaler(declared.Name)
	switch {
	case !found:
		s.problem("%s is gone: `pulumi up --refresh` brings it back", who)
		return
	case object.TargetKind != declared.TargetKind || object.TargetName != declared.TargetName:
		s.problem(
			"%s looks at %s/%s, the stack declares %s: it was changed by hand. `pulumi up --refresh` sets it right",
			who, object.TargetKind, object.TargetName, target,
		)
		return
	}
	live, err := readWorkload(ctx, a.cluster, in, declared.TargetKind, declared.TargetName)
	switch {
	case errors.Is(err, errGone):
		s.problem(
			"%s: its target %s is gone, so there is no request to compare with. `pulumi up --refresh` brings it back",
			who, target,
		)
		return
	case err != nil:
		s.problem("%s: its target %s: %v", who, target, err)
		return
	}
	if object.UpdateMode != vpa.ModeOff {
		s.warn("%s has update mode %s: where an updater runs, it and not the stack decides what pods request, "+
			"and restarts them for it. Off only advises", who, object.UpdateMode)
	}
	if rivals := n.rivals(object); len(rivals) > 0 {
		s.warn("%s: %s looks at %s as well. Two on one target give two answers; delete the one that is not the stack's",
			who, strings.Join(rivals, ", "), target)
	}
	if len(object.Recommendations) == 0 {
		s.problem("%s", a.noRecommendation(who, object))
	}
	for _, container := range live.containers {
		if _, has := object.Policy(container.Name); !has {
			s.warn(
				"%s: container %s of %s has no policy, so nothing bounds what is recommended for it", who,
				container.Name, target,
			)
		}
		if _, has := object.Recommendation(container.Name); !has && len(object.Recommendations) > 0 &&
			a.advised(object, container.Name) {
			s.problem(
				"%s: container %s of %s has no recommendation, while others have: it was added lately, or has no metrics",
				who, container.Name, target,
			)
		}
		checkpoint := n.checkpoint(object.Name, container.Name)
		if checkpoint != nil && a.options.Now.Sub(checkpoint.Updated) > staleAfter {
			s.warn("%s: the history of container %s was last written %s ago, so the recommendation is as old",
				who, container.Name, age(a.options.Now.Sub(checkpoint.Updated)))
		}
		for _, kind := range []string{cpu, memory} {
			row := Row{Workload: target, Container: container.Name, Resource: kind, Replicas: live.replicas,
				Confidence: newConfidence(checkpoint)}
			if slices.Index(declared.Containers, container.Name) == 0 {
				row.setting = append(strings.Split(declared.Setting, "."), "requests", kind)
			}
			a.judge(&row, object, container, n)
			s.Rows = append(s.Rows, row)
		}
		if text := newConfidence(checkpoint).doubt(); text != "" && len(object.Recommendations) > 0 {
			s.warn("%s: container %s has %s", target, container.Name, text)
		}
	}
	for _, name := range declared.Containers {
		if !slices.ContainsFunc(live.containers, func(c corev1.Container) bool { return c.Name == name }) {
			s.warn("%s: the pods of %s have no container %s, which the stack declares", who, target, name)
		}
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
