package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// read returns the objects of a file as JSON has them.
func read(t testing.TB, file string) Set {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all Set
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var document any
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		all = append(all, Object{Fields: fields, Source: file})
	}
}

const (
	namespace  = "Namespace shop"
	deployment = "Deployment shop/till"
	database_  = "StatefulSet shop/till-db"
	service    = "Service shop/till"
	budget     = "PodDisruptionBudget shop/till"
	advisor    = "VerticalPodAutoscaler shop/till"
	schedule   = "Schedule velero/till"
	chaos      = "Schedule shop/till"
	inPod      = "spec.template.metadata.labels"
	container  = "spec.template.spec.containers.0"
	hooks      = "spec.template.hooks.resources.0"
	aim        = "spec.podChaos"
)

// breach is one way to break a rule.
type breach struct {
	object string
	edits  []Edit
	says   string
	also   []string // rules that it breaks besides
}

func to(at string, value any) Edit { return Edit{strings.Split(at, "."), value} }

// in is to for a last key that holds dots.
func in(at, last string, value any) Edit { return Edit{append(strings.Split(at, "."), last), value} }

var breaches = map[string][]breach{
	"LAB-01": {{deployment, []Edit{to(inPod+".team", nil)}, "its pods have no label team, though the Deployment has", nil},
		{database_, []Edit{to(inPod+".cost-center", ""), to("metadata.labels.cost-center", nil)}, "its pods have no label cost-center", nil}},
	"LAB-02": {{deployment, []Edit{to("metadata.labels.team", "bank")}, `team is "bank", and "shops" on its pods`, nil}},
	"LAB-03": {{deployment, []Edit{to(inPod+".environment", "production"), to("metadata.labels.environment", "production")}, `is "production", and the namespace shop is of "staging"`, nil}},
	"LAB-04": {{deployment, []Edit{to("spec.selector.matchLabels.team", "shops")}, "selects by the cost label team", nil},
		{service, []Edit{to("spec.selector.cost-center", "sales")}, "selects by the cost label cost-center", nil},
		{budget, []Edit{to("spec.selector.matchLabels.app", "till")}, "selects by the cost label app", nil}},
	"LAB-05": {{deployment, []Edit{to(inPod+".cost_center", "x")}, "cost-center and cost_center become one key, cost_center", nil}},
	"LAB-06": {{deployment, []Edit{to("spec.selector.matchLabels.run", "tills")}, "selects run=tills, and its pods are", nil}},
	"SIZ-01": {{advisor, []Edit{to("spec.updatePolicy.updateMode", "Recreate")}, `is "Recreate"`, []string{"SIZ-06"}},
		{advisor, []Edit{to("spec.updatePolicy", nil)}, `is ""`, []string{"SIZ-06"}}},
	"SIZ-02": {{advisor, []Edit{to("spec.targetRef.name", "tiII")}, "there is no Deployment shop/tiII", []string{"SIZ-03"}}},
	"SIZ-03": {{advisor, []Edit{to("spec.targetRef.kind", "StatefulSet"), to("spec.targetRef.name", "till-db")}, "no VerticalPodAutoscaler has it as its target", nil}},
	"SIZ-04": {{deployment, []Edit{to(container+".resources.requests.memory", nil)}, "container till requests no memory; Kubernetes takes its limit", nil},
		{deployment, []Edit{to(container+".resources.requests", nil)}, "container till requests no cpu", nil}},
	"SIZ-05": {{deployment, []Edit{to(container+".resources.limits", nil)}, "container till has none", nil}},
	"SIZ-06": {{advisor, []Edit{to("spec.updatePolicy.updateMode", "InPlaceOrRecreate")}, "scales by the cpu that VerticalPodAutoscaler shop/till changes", []string{"SIZ-01"}}},
	"BAK-01": {{schedule, []Edit{to("spec.schedule", "daily at two")}, `is "daily at two"`, nil}},
	"BAK-02": {{schedule, []Edit{to("spec.schedule", "0 2 * * 1-5")}, `leaves 72h0m0s between two backups, and opex/rpo allows 24h0m0s`, nil}},
	"BAK-03": {{schedule, []Edit{to("spec.template.ttl", "24h")}, "is 24h0m0s, and the next backup may come after 24h0m0s", nil},
		{schedule, []Edit{to("spec.template.ttl", "30d")}, `"30d" is no duration`, nil}},
	"BAK-04": {{schedule, []Edit{to(hooks+".labelSelector.matchLabels.run", "till-database")}, "finds no pods in shop: run=till-database", []string{"BAK-11"}}},
	"BAK-05": {{schedule, []Edit{to(hooks+".pre.0.exec.container", "postgresql")}, `is "postgresql", and the pods of StatefulSet shop/till-db have postgres`, nil}},
	"BAK-06": {{schedule, []Edit{to(hooks+".pre.0.exec.onError", "Continue")}, "is Continue, want Fail", nil}},
	"BAK-07": {{schedule, []Edit{to(hooks+".pre.0.exec.timeout", nil)}, `is "", want a duration`, nil}},
	"BAK-08": {{schedule, []Edit{to("spec.template.excludedResources", []any{"pods"})}, "leaves pods out", nil},
		{schedule, []Edit{to("spec.template.includedResources", []any{"deployments"})}, "has no pods", nil}},
	"BAK-09": {{schedule, []Edit{to("spec.template.labelSelector.matchLabels.app", "tills")}, "finds no workload in shop: app=tills", nil}},
	"BAK-10": {{schedule, []Edit{to("spec.template.includedNamespaces", []any{"*"})}, "names none, which means all", nil}},
	"BAK-11": {{schedule, []Edit{to("spec.template.hooks", nil)}, "no pre hook runs in the pods of StatefulSet shop/till-db, which are a PostgreSQL", nil}},
	"BAK-12": {{schedule, []Edit{to(hooks+".pre.0.exec.command", []any{"sh", "-c", "mysqldump --all-databases"})}, "runs mysqldump, and the pods of StatefulSet shop/till-db are a PostgreSQL", nil}},
	"BAK-13": {{schedule, []Edit{to("spec.paused", true)}, "is paused", nil}},
	"BAK-14": {{database_, []Edit{in("spec.template.metadata.annotations", backupVolumes, "dumps,data")}, `names "data", and its pods have dumps`, nil}},
	"CHA-01": {{namespace, []Edit{to("metadata.labels.environment", "production")}, "opens production to experiments", []string{"LAB-03"}}},
	"CHA-02": {{chaos, []Edit{to(aim+".mode", "all")}, `is "all", want one`, nil}},
	"CHA-03": {{chaos, []Edit{to(aim+".selector.namespaces", []any{"shop", "velero"})}, "are [shop velero], want shop alone", nil}},
	"CHA-04": {{chaos, []Edit{to(aim+".selector.labelSelectors", nil)}, "names none", []string{"SUR-01"}}},
	"CHA-05": {{chaos, []Edit{to(aim+".selector.labelSelectors", map[string]any{"app": "till"})}, "finds pods of Deployment shop/till, StatefulSet shop/till-db", []string{"SUR-01"}}},
	"CHA-06": {{chaos, []Edit{to(aim+".selector.labelSelectors.run", "tills")}, "finds no pods in shop: run=tills", nil}},
	"CHA-07": {{chaos, []Edit{to(aim+".duration", "30s")}, "is 30s, and pod-kill is over at once", nil}},
	"CHA-08": {{chaos, []Edit{to("metadata.annotations", nil)}, "is not set, and it is not paused", nil}},
	"CHA-09": {{namespace, []Edit{to("metadata.annotations", nil)}, `is "", and Schedule shop/till aims there`, nil}},
	"SUR-01": {{deployment, []Edit{to("spec.replicas", 1.0)}, "is 1, and Schedule shop/till kills one", nil}},
	"SUR-02": {{budget, []Edit{to("spec.selector.matchLabels.run", "tills")}, "are 3, and no PodDisruptionBudget finds its pods", nil}},
	"SUR-03": {{budget, []Edit{to("spec.maxUnavailable", 0.0)}, "is 0: no pod of Deployment shop/till may go", nil},
		{budget, []Edit{to("spec.maxUnavailable", nil), to("spec.minAvailable", 3.0)}, "is 3 of 3: no pod of Deployment shop/till may go", nil}},
	"SUR-04": {{deployment, []Edit{to(container+".readinessProbe", nil)}, "container till has none", nil}},
	"SUR-05": {{deployment, []Edit{to(container+".startupProbe.initialDelaySeconds", 30.0)}, "may wait 32s for its probes alone, and the objective is 30s", nil},
		{deployment, []Edit{to(container+".startupProbe", nil), to(container+".readinessProbe.periodSeconds", 10.0), to(container+".readinessProbe.successThreshold", 3.0)}, "may wait 30s", nil}},
	"SUR-06": {{deployment, []Edit{to("spec.template.spec.terminationGracePeriodSeconds", 5.0)}, "is 5, and container till sleeps 5 s of it in preStop", nil}},
	"SUR-07": {{deployment, []Edit{to(container+".lifecycle", nil)}, "container till has no preStop", nil}},
	"SUR-08": {{deployment, []Edit{to("spec.strategy.type", "Recreate")}, "is Recreate", nil},
		{deployment, []Edit{to("spec.strategy.rollingUpdate.maxUnavailable", "100%")}, "is 100% of 3", nil}},
	"SUR-09": {{deployment, []Edit{to("spec.template.spec.topologySpreadConstraints", nil)}, "nothing keeps its 3 pods apart", nil}},
	"SUR-10": {{service, []Edit{to("spec.selector.run", "tills")}, "finds no pods in shop: run=tills", nil}},
	"SUR-11": {{deployment, []Edit{to(container+".image", "registry.example.com:5000/till")}, `is "registry.example.com:5000/till", want a tag`, nil},
		{deployment, []Edit{to(container+".image", "till:latest")}, `is "till:latest"`, nil}},
	"SUR-12": {{deployment, []Edit{to(container+".securityContext.allowPrivilegeEscalation", nil)}, "the namespace is restricted, want false", nil},
		{database_, []Edit{to("spec.template.spec.securityContext", nil)}, "want true", nil}},
}

func TestWhatIsInOrderIsNotFound(t *testing.T) {
	for _, f := range Review(read(t, "testdata/good.yaml")) {
		t.Errorf("%s %s: %s %s", f.Rule.ID, f.Object, f.Where(), f.Says)
	}
	if found := Review(nil); found != nil {
		t.Errorf("of nothing: %v", found)
	}
}

func TestEachRuleIsSeenRedAloneAndItsFixMakesItGreen(t *testing.T) {
	for _, rule := range Rules {
		if len(breaches[rule.ID]) == 0 {
			t.Errorf("nothing breaks %s", rule.ID)
		}
		for i, b := range breaches[rule.ID] {
			t.Run(fmt.Sprintf("%s %d", rule.ID, i+1), func(t *testing.T) {
				objects := read(t, "testdata/good.yaml")
				at := slices.IndexFunc(objects, func(o Object) bool { return o.String() == b.object })
				if at < 0 {
					t.Fatalf("there is no %s", b.object)
				}
				objects[at].Fields = Apply(objects[at].Fields, b.edits)
				found := Review(objects)
				seen := false
				for _, f := range found {
					if f.Rule.ID == rule.ID {
						seen = seen || strings.Contains(f.Says, b.says)
					} else if !slices.Contains(b.also, f.Rule.ID) {
						t.Errorf("%s, too: %s %s %s", f.Rule.ID, f.Object, f.Where(), f.Says)
					}
				}
				if !seen {
					t.Fatalf("not found: %q among %v", b.says, found)
				}
				for _, f := range found {
					if f.Rule.ID != rule.ID || len(f.Fix) == 0 {
						continue
					}
					fixed := slices.Clone(objects)
					which := slices.IndexFunc(fixed, func(o Object) bool { return key(o) == key(f.Object) })
					fixed[which].Fields = Apply(fixed[which].Fields, f.Fix)
					for _, still := range Review(fixed) {
						if still.Rule.ID == rule.ID && still.Where() == f.Where() && still.Object.String() == f.Object.String() {
							t.Errorf("the fix mends nothing: %s %s", still.Where(), still.Says)
						}
					}
				}
			})
		}
	}
	for id := range breaches {
		if !slices.ContainsFunc(Rules, func(r Rule) bool { return r.ID == id }) {
			t.Errorf("there is no rule %s", id)
		}
	}
}

func TestAFixLeavesTheReviewedObjectAlone(t *testing.T) {
	fields := map[string]any{"spec": map[string]any{"list": []any{map[string]any{"a": 1.0}}}}
	changed := Apply(fields, []Edit{to("spec.list.0.a", 2.0), to("spec.new.b", "c"), to("spec.none", nil)})
	before, _ := json.Marshal(fields)
	after, _ := json.Marshal(changed)
	if string(before) != `{"spec":{"list":[{"a":1}]}}` || string(after) != `{"spec":{"list":[{"a":2}],"new":{"b":"c"}}}` {
		t.Errorf("%s became %s", before, after)
	}
}

func TestRulesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules {
		if r.ID == "" || seen[r.ID] || r.Title == "" || r.Why == "" || !strings.HasSuffix(r.Why, ".") || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
	if len(Rules) < 25 {
		t.Errorf("%d rules", len(Rules))
	}
}
