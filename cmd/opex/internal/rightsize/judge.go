package rightsize

import (
	"fmt"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
)

// judge fills a row: what is requested, what is recommended, and what to do.
func (a advisor) judge(row *Row, object vpa.Object, container corev1.Container, n namespace) {
	kind := row.Resource
	row.limit = of(container.Resources.Limits, kind)
	if row.Request = of(container.Resources.Requests, kind); row.Request == nil {
		row.Request = row.limit // Kubernetes takes the limit for a request that is not there
	}
	row.Verdict = NoInformation
	policy, hasPolicy := object.Policy(container.Name)
	advice, given := object.Recommendation(container.Name)
	switch {
	case hasPolicy && policy.Mode == vpa.ContainerOff:
		row.Why = "its policy turns recommendations off"
		return
	case hasPolicy && !slices.Contains(policy.ControlledResources, corev1.ResourceName(kind)):
		row.Why = "its policy leaves this resource out"
		return
	case !given:
		row.Why = "no recommendation yet"
		return
	}
	row.Lower, row.Target, row.Upper = of(advice.Lower, kind), of(advice.Target, kind), of(advice.Upper, kind)
	if !object.ProvidedSince.IsZero() {
		seconds := int64(a.options.Now.Sub(object.ProvidedSince).Seconds())
		row.AgeSeconds = &seconds
	}
	if row.Target == nil || row.Target.Sign() <= 0 {
		row.Why = "the recommendation has no target for this resource"
		return
	}
	need := of(advice.Uncapped, kind)
	if need == nil {
		need = row.Target
	} else if need.Cmp(*row.Target) != 0 {
		row.Uncapped = need
	}
	name, containers := corev1.ResourceName(kind), len(object.Recommendations)
	if a.floor.Silent(name, advice, containers, n.checkpoint(object.Name, container.Name)) {
		row.Why = fmt.Sprintf(
			"at the recommender's floor of %s: no sample yet, or too little use to measure",
			show(kind, quantity(kind, a.floor.Least(name, containers))),
		)
		return
	}
	if by := n.scaledBy(object.TargetKind, object.TargetName, container.Name, kind); by != "" {
		row.Why = fmt.Sprintf("HorizontalPodAutoscaler %s scales by %s: it keeps each pod's use at its own goal, "+
			"so use says nothing about the need", by, kind)
		return
	}
	row.Proposed = propose(kind, *row.Target, of(policy.MinAllowed, kind), of(policy.MaxAllowed, kind))
	row.decide(a.options.Threshold)
}

// decide compares what is proposed with the request.
func (r *Row) decide(threshold float64) {
	if r.Request == nil || r.Request.IsZero() {
		r.Verdict = Raise
		return
	}
	is, shall := amount(r.Resource, *r.Request), amount(r.Resource, *r.Proposed)
	percent := 100 * float64(shall-is) / float64(is)
	r.ChangePercent = &percent
	switch {
	case shall == is || math.Abs(percent) < threshold:
		r.Verdict = Keep
		r.Why = fmt.Sprintf("less than %g%% apart", threshold)
		if shall == is {
			r.Why = "as recommended"
		}
	case shall > is:
		r.Verdict = Raise
	default:
		r.Verdict = Lower
	}
}

// explain says why a change is worth it, and what bounds did to it.
func (r *Row) explain() {
	price := "costs money and buys"
	if r.SavedPerMonth == nil {
		price = "buys"
	}
	switch {
	case r.Verdict == Raise && r.Resource == memory:
		r.Why = price + " safety: pods use more than is set aside for them, and are evicted first when the node's memory runs out"
	case r.Verdict == Raise:
		r.Why = price + " speed: pods use more than is set aside for them, and get less when the node is busy"
	case r.Verdict == Lower:
		r.Why = "more is set aside than is used"
	}
	if r.Request == nil && r.changes() {
		r.Why += "; nothing is requested today"
	}
	if r.Proposed == nil || r.Uncapped == nil {
		return
	}
	bound := "most"
	if r.Uncapped.Cmp(*r.Target) < 0 {
		bound = "least"
	}
	r.Why += fmt.Sprintf("; the %s allowed, use alone would take %s", bound, show(r.Resource, r.Uncapped))
}
