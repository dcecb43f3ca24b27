package gameday

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/opex-project/opex/cmd/opex/internal/chaosmesh"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/prometheus"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// interlock asks all that must hold before a Game Day, and says everything that does not at once.
func (s *Site) interlock(ctx context.Context) ([]evidence.Check, error) {
	good, _, problems := s.conditions(ctx)
	if found, err := s.canComeBack(ctx); err != nil {
		problems = append(problems, "backup: "+err.Error())
	} else {
		good = append(good, evidence.Check{Name: "backup", Result: found})
	}
	return good, refusal.Of(problems...)
}

// conditions are those that may change within a steady state, so they are asked again right before a kill. The backup is
// none of them: its proof reads the dump in the database's pod, whose CPU the service's clients would miss just then.
func (s *Site) conditions(ctx context.Context) (good []evidence.Check, declared chaosmesh.Schedule, problems []string) {
	look := func(name string, ask func() (string, error)) {
		found, err := ask()
		if err != nil {
			problems = append(problems, name+": "+err.Error())
			return
		}
		good = append(good, evidence.Check{Name: name, Result: found})
	}
	// kube.Connect refuses any other
	look("cluster", func() (string, error) { return s.Cluster.UID + ", as the stack's outputs say", nil })
	look("nothing else is broken", func() (string, error) { return s.nothingRuns(ctx) })
	look("experiment", func() (string, error) {
		var err error
		declared, err = s.Chaos.Schedule(ctx, s.Plan.Schedule)
		if err != nil {
			return "", err
		}
		return s.asDeclared(declared)
	})
	look("admission policy", func() (string, error) { return s.policyHolds(ctx) })
	look("namespace", func() (string, error) { return s.namespaceIsOpen(ctx) })
	look("Chaos Mesh", func() (string, error) { return s.wouldBeAdmitted(ctx, declared) })
	look("replicas", func() (string, error) { return s.AllReady(ctx) })
	look("disruption budget", func() (string, error) { return s.headroom(ctx) })
	look("error budget", func() (string, error) { return s.budgetLeft(ctx) })
	return good, declared, problems
}

func (s *Site) nothingRuns(ctx context.Context) (string, error) {
	running, err := s.Chaos.Running(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range running {
		return "", fmt.Errorf(
			"%s %s/%s is there: wait for its end, or kubectl --namespace %s delete %s %s", e.Kind, s.Service.Namespace,
			e.Name, s.Service.Namespace, chaosmesh.Kinds[e.Kind].Resource, e.Name,
		)
	}
	return "no experiment in namespace " + s.Service.Namespace, nil
}

// asDeclared holds the live Schedule against the stack's outputs, and its aim against the service's own pods.
func (s *Site) asDeclared(d chaosmesh.Schedule) (string, error) {
	selector, _ := d.Experiment["selector"].(map[string]any)
	namespaces, _ := selector["namespaces"].([]any)
	aim, _ := selector["labelSelectors"].(map[string]any)
	found := map[string]string{}
	for key, value := range aim {
		found[key], _ = value.(string)
	}
	var wrong []string
	if !d.Paused { // the outputs do not say which of the two it is
		wrong = append(
			wrong,
			"it is not paused, and may fire by itself: either the stack's config gives the service a chaos.schedule, at whose times "+
				"it does (to hold a Game Day, unset that and `pulumi up`), or the pause was taken away by hand",
		)
	}
	if d.Kind != s.Plan.Kind || d.Experiment["action"] != s.Plan.Action {
		wrong = append(
			wrong,
			fmt.Sprintf(
				"it is %s %v, the stack says %s %s", d.Kind, d.Experiment["action"], s.Plan.Kind, s.Plan.Action,
			),
		)
	}
	if d.Experiment["mode"] != "one" {
		wrong = append(wrong, fmt.Sprintf("its mode is %v, want one", d.Experiment["mode"]))
	}
	if len(namespaces) != 1 || namespaces[0] != s.Service.Namespace || !maps.Equal(found, s.Service.Selector) {
		wrong = append(
			wrong,
			fmt.Sprintf(
				"it selects %v in %v, the service's pods are %v in %s", found, namespaces, s.Service.Selector,
				s.Service.Namespace,
			),
		)
	}
	if len(wrong) > 0 {
		return "", fmt.Errorf(
			"Schedule %s/%s: %s. `pulumi refresh` and `pulumi up` put right what was changed by hand",
			s.Service.Namespace, d.Name, strings.Join(wrong, "; "),
		)
	}
	return fmt.Sprintf(
		"Schedule %s/%s, paused: %s %s of one pod", s.Service.Namespace, d.Name, d.Kind, s.Plan.Action,
	), nil
}

func (s *Site) policyHolds(ctx context.Context) (string, error) {
	api := s.Cluster.Client.AdmissionregistrationV1()
	if _, err := api.ValidatingAdmissionPolicies().Get(ctx, s.Lab.Policy, metav1.GetOptions{}); err != nil {
		return "", err
	}
	binding, err := api.ValidatingAdmissionPolicyBindings().Get(ctx, s.Lab.Policy, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if binding.Spec.PolicyName != s.Lab.Policy || !slices.Contains(binding.Spec.ValidationActions, admissionv1.Deny) {
		return "", fmt.Errorf("the binding %s does not deny by the policy %s", binding.Name, s.Lab.Policy)
	}
	return s.Lab.Policy + " denies what is aimed elsewhere", nil
}

func (s *Site) namespaceIsOpen(ctx context.Context) (string, error) {
	if !slices.Contains(s.Lab.Targets, s.Service.Namespace) {
		return "", fmt.Errorf("%s is none of those that experiments may reach: %v", s.Service.Namespace, s.Lab.Targets)
	}
	found, err := s.Cluster.Client.CoreV1().Namespaces().Get(ctx, s.Service.Namespace, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if found.Annotations[chaosmesh.InjectAnnotation] != "enabled" {
		return "", fmt.Errorf(
			"%s has no annotation %s: enabled, so Chaos Mesh would hit nothing. `pulumi up` sets it", found.Name,
			chaosmesh.InjectAnnotation,
		)
	}
	return found.Name + " is open to experiments", nil
}

// webhookWithin is how long Chaos Mesh's webhooks may take to answer: its pod is ready some seconds before they are.
const webhookWithin = 10 * time.Second

// wouldBeAdmitted asks for the one shot without making it: the answer comes from Chaos Mesh's own webhooks.
func (s *Site) wouldBeAdmitted(ctx context.Context, d chaosmesh.Schedule) (string, error) {
	deployment, err := s.Cluster.Client.AppsV1().
		Deployments(s.Lab.Namespace).
		Get(ctx, s.Lab.Deployment, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if deployment.Status.AvailableReplicas == 0 {
		return "", fmt.Errorf(
			"deployment %s/%s has no pod that is ready: kubectl --namespace %s get pods", s.Lab.Namespace,
			s.Lab.Deployment, s.Lab.Namespace,
		)
	}
	if d.Experiment == nil {
		return "", errors.New("not asked, for want of the declared experiment")
	}
	for began := time.Now(); ; {
		_, err := s.Chaos.Create(ctx, d.Kind, s.shotName("trial"), managed, d.Experiment, true)
		if err == nil {
			return "it answers, and would take the experiment", nil
		}
		if !apierrors.IsInternalError(err) || time.Since(began) > webhookWithin || ctx.Err() != nil {
			return "", fmt.Errorf("it would not take the experiment: %w", err)
		}
		_ = s.pause(ctx, time.Second)
	}
}

// AllReady says that the service has all its pods, of its newest version, and that they are ready. The error says which
// are not.
func (s *Site) AllReady(ctx context.Context) (string, error) {
	d, err := s.Cluster.Client.AppsV1().
		Deployments(s.Service.Namespace).
		Get(ctx, s.Service.Deployment, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	want := int32(s.Service.Replicas)
	if d.Spec.Replicas != nil && *d.Spec.Replicas != want {
		return "", fmt.Errorf("deployment %s wants %d, the stack says %d", d.Name, *d.Spec.Replicas, want)
	}
	if t := d.Status; t.ObservedGeneration < d.Generation || t.ReadyReplicas != want || t.UpdatedReplicas != want ||
		t.Replicas != want {
		return "", fmt.Errorf(
			"of %d pods %d are ready, %d up to date, %d there: wait until all are", want, t.ReadyReplicas,
			t.UpdatedReplicas, t.Replicas,
		)
	}
	return fmt.Sprintf("%d of %d ready", want, want), nil
}

// headroom asks no leave: a kill does not go by the budget. But where the budget has none left, somebody else is at the
// pods.
func (s *Site) headroom(ctx context.Context) (string, error) {
	budgets, err := s.Cluster.Client.PolicyV1().
		PodDisruptionBudgets(s.Service.Namespace).
		List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	var found []policyv1.PodDisruptionBudget
	for _, b := range budgets.Items {
		if selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector); err == nil &&
			selector.Matches(labels.Set(s.Service.Selector)) {
			found = append(found, b)
		}
	}
	for _, b := range found {
		if b.Status.DisruptionsAllowed < 1 {
			return "", fmt.Errorf("%s allows none now: another pod is missing or being evicted", b.Name)
		}
	}
	if len(found) == 0 {
		return "", errors.New("the service's pods have none. `pulumi up` makes it")
	}
	return fmt.Sprintf("%s allows %d", found[0].Name, found[0].Status.DisruptionsAllowed), nil
}

// budgetLeft leaves a service alone that has failed its users enough.
func (s *Site) budgetLeft(ctx context.Context) (string, error) {
	budget := s.Plan.ErrorBudget
	switch {
	case budget == nil:
		return "none is declared", nil
	case s.Outputs.Cost == nil:
		return "", errors.New("it is declared, and the stack has no Prometheus to ask (opex:cost.enabled)")
	}
	found, err := prometheus.Ask(ctx, s.Cluster, s.Outputs.Cost.Prometheus, budget.Query, time.Now())
	if err != nil {
		return "", err
	}
	if len(found) != 1 || found[0].Value < 0 || found[0].Value > 1 {
		return "", fmt.Errorf("the query gives %v, want one number of 0 to 1: %s", found, budget.Query)
	}
	failed, may := found[0].Value, 1-budget.Availability
	if failed >= may {
		return "", fmt.Errorf("it is spent: %.3g%% of the requests failed, %.3g%% may", 100*failed, 100*may)
	}
	return fmt.Sprintf("%.3g%% of the requests failed, %.3g%% may", 100*failed, 100*may), nil
}

// canComeBack wants the data of a service to be in a backup that was proven, before anything is broken.
func (s *Site) canComeBack(ctx context.Context) (string, error) {
	if s.Service.Database == nil {
		return "the service keeps no data", nil
	}
	if s.Service.NoBackup != "" {
		return "waived: " + s.Service.NoBackup, nil
	}
	var asked []verify.Criterion
	for _, c := range verify.Criteria {
		if c.ID == "SC-006" || c.ID == "SC-007" {
			asked = append(asked, c)
		}
	}
	report := verify.Run(
		ctx, &verify.World{Outputs: s.Outputs, Cluster: s.Cluster, Now: time.Now()}, asked, []string{s.Name},
	)
	for _, c := range report.Services[0].Criteria {
		if c.Verdict != verify.Pass {
			return "", fmt.Errorf("%s is %s: %s. First: opex drill --service %s", c.ID, c.Verdict, c.Actual, s.Name)
		}
	}
	return "SC-006 and SC-007 pass", nil
}
