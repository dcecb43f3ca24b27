package kubernetes

import (
	"regexp"
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

var noProps = property.Map{}

func deleteRequest(r *resourceState) p.DeleteRequest {
	return p.DeleteRequest{ID: r.id, Urn: r.urn, Properties: r.state, OldInputs: r.inputs}
}

func TestObjectLivesItsWholeLife(t *testing.T) {
	h := newHarness(t)
	r := h.up("kubernetes:core/v1:ServiceAccount", "robot", "{metadata: {name: robot, labels: {team: a}}}")
	if r.id != h.namespace+"/robot" {
		t.Errorf("the id is %q", r.id)
	}
	if d, _ := h.diff(r, "{metadata: {name: robot, labels: {team: a}}}"); d.HasChanges {
		t.Errorf("the same inputs differ: %v", d.DetailedDiff)
	}
	if err := h.change(r, "{metadata: {name: robot, labels: {team: b}}}"); err != nil {
		t.Fatal(err)
	}
	if got := h.live("v1", "ServiceAccount", "robot").GetLabels()["team"]; got != "b" {
		t.Errorf("the live label is %q", got)
	}
	if err := h.change(r, "{metadata: {name: robot, annotations: {note: x}}}"); err != nil {
		t.Fatal(err)
	}
	if labels := h.live("v1", "ServiceAccount", "robot").GetLabels(); len(labels) != 0 {
		t.Errorf("a dropped label stays: %v", labels)
	}
	if !h.refresh(r) {
		t.Fatal("a refresh does not see the object")
	}
	if d, _ := h.diff(r, "{metadata: {name: robot, annotations: {note: x}}}"); d.HasChanges {
		t.Errorf("after a refresh the same inputs differ: %v", d.DetailedDiff)
	}
	h.down(r)
	if h.live("v1", "ServiceAccount", "robot") != nil {
		t.Error("it is still there after its deletion")
	}
	if h.refresh(r) {
		t.Error("a refresh still sees it")
	}
	h.down(r) // what is gone is deleted already
}

func TestNameIsMadeUpAndKept(t *testing.T) {
	h := newHarness(t)
	r := h.up("kubernetes:core/v1:ServiceAccount", "robot", "{}")
	name := r.inputs.Get("metadata").AsMap().Get("name").AsString()
	if !regexp.MustCompile(`^robot-[0-9a-f]{8}$`).MatchString(name) {
		t.Errorf("the made-up name is %q", name)
	}
	d, inputs := h.diff(r, "{metadata: {labels: {a: b}}}")
	if got := inputs.Get("metadata").AsMap().Get("name").AsString(); got != name || replacesAny(d) {
		t.Errorf("the name became %q, diff %v", got, d.DetailedDiff)
	}
	if d, _ := h.diff(r, "{metadata: {name: other}}"); !replacesAny(d) || d.DeleteBeforeReplace {
		t.Errorf("another name should replace, the new one first: %+v", d)
	}
}

func TestConfigMapIsReplacedUnlessMutable(t *testing.T) {
	const before, after = "{metadata: {name: settings}, data: {greeting: hello}}", "{metadata: {name: settings}, data: {greeting: bye}}"
	h := newHarness(t)
	d, _ := h.diff(h.up("kubernetes:core/v1:ConfigMap", "settings", before), after)
	if d.DetailedDiff["data.greeting"].Kind != p.UpdateReplace || !d.DeleteBeforeReplace {
		t.Errorf("wanted a replacement, the old one first: %+v", d)
	}
	mutable := newHarness(t, "enableConfigMapMutable", "true")
	if err := mutable.change(mutable.up("kubernetes:core/v1:ConfigMap", "settings", before), after); err != nil {
		t.Fatal(err)
	}
}

func TestImmutableFieldsReplace(t *testing.T) {
	const skip = `annotations: {pulumi.com/skipAwait: "true"}`
	statefulSet := `{metadata: {name: db, ` + skip + `}, spec: {serviceName: db, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "db:1"}]}}}}`
	for _, c := range []struct{ name, token, before, old, new, field string }{
		{"a Deployment's selector", "kubernetes:apps/v1:Deployment", strings.Replace(web, "{name: web}", "{name: web, "+skip+"}", 1), "app: web", "app: other", "spec.selector.matchLabels.app"},
		{"a StatefulSet's service", "kubernetes:apps/v1:StatefulSet", statefulSet, "serviceName: db", "serviceName: other", "spec.serviceName"},
		{"a Service's address", "kubernetes:core/v1:Service", `{metadata: {name: web, ` + skip + `}, spec: {clusterIP: None, ports: [{port: 80}]}}`, "clusterIP: None", "clusterIP: 10.96.7.7", "spec.clusterIP"},
		{"a role binding's role", "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", `{metadata: {name: b}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}}`, "name: a}", "name: c}", "roleRef.name"},
		{"what only the server knows", "kubernetes:storage.k8s.io/v1:StorageClass", `{metadata: {name: quick}, provisioner: a.example, volumeBindingMode: Immediate}`, "Immediate", "WaitForFirstConsumer", "volumeBindingMode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			r := h.up(c.token, "x", c.before)
			d, _ := h.diff(r, strings.ReplaceAll(c.before, c.old, c.new))
			if d.DetailedDiff[c.field].Kind != p.UpdateReplace {
				t.Errorf("%s does not replace: %v", c.field, d.DetailedDiff)
			}
			h.down(r)
		})
	}
}

func TestSecretsStaySecret(t *testing.T) {
	h := newHarness(t)
	const text = "{metadata: {name: db}, stringData: {password: hunter2}}"
	r := h.up("kubernetes:core/v1:Secret", "db", text)
	for where, m := range map[string]property.Map{"inputs": r.inputs, "outputs": r.state, "kept inputs": r.state.Get(inputsKey).AsMap()} {
		if !m.Get("data").Secret() {
			t.Errorf("the data is not secret in the %s", where)
		}
	}
	if d, _ := h.diff(r, text); d.HasChanges {
		t.Errorf("the same inputs differ: %v", d.DetailedDiff)
	}
	inputs := props(t, "{metadata: {name: open}, data: {}}").Set("data", property.New(map[string]property.Value{
		"token": property.New("hunter2").WithSecret(true), "plain": property.New("x")}))
	checked := h.check(urn("kubernetes:core/v1:ConfigMap", "open"), noProps, inputs)
	data := checked.Get("data").AsMap()
	if !data.Get("token").Secret() || data.Get("plain").Secret() {
		t.Errorf("secrets of the program are mixed up: %v", data)
	}
}

func TestQuantitiesAreComparedByValue(t *testing.T) {
	h := newHarness(t)
	const limits = `{metadata: {name: l}, spec: {limits: [{type: Container, max: {cpu: %q, memory: 1Gi}}]}}`
	r := h.up("kubernetes:core/v1:LimitRange", "l", strings.Replace(limits, "%q", `"0.5"`, 1))
	if d, _ := h.diff(r, strings.Replace(limits, "%q", "500m", 1)); d.HasChanges {
		t.Errorf("0.5 and 500m differ: %v", d.DetailedDiff)
	}
}

func TestExistingObjectIsNotTakenOverUnlessAsked(t *testing.T) {
	h := newHarness(t)
	h.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: taken}, data: {a: b}}")
	_, err := h.tryUp("kubernetes:core/v1:ConfigMap", "taken", "{metadata: {name: taken}, data: {c: d}}")
	if err == nil {
		t.Fatal("an object of someone else was taken over")
	}
	contains(t, err.Error(), "taken: the API server did not create ConfigMap", "already exists", "import")
	upsert := newHarness(t, "upsertExistingObjects", "true")
	upsert.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: taken}, data: {a: b}}")
	upsert.up("kubernetes:core/v1:ConfigMap", "taken", "{metadata: {name: taken}, data: {c: d}}")
}

func TestInterruptedCreationIsTakenUpThoughItsInputsHaveChanged(t *testing.T) {
	h := newHarness(t, "upsertExistingObjects", "true")
	// The engine was killed between the creation and its note of it: the object is there, the state knows nothing.
	newHarness(t).up("kubernetes:core/v1:ConfigMap", "lost", "{metadata: {name: lost}, data: {a: before, b: gone}}")
	h.up("kubernetes:core/v1:ConfigMap", "lost", "{metadata: {name: lost}, data: {a: after}}")
	live := h.live("v1", "ConfigMap", "lost").Object
	if str(live, "data", "a") != "after" || str(live, "data", "b") != "" {
		t.Errorf("the object holds %v", live["data"])
	}
}

func TestConflictNamesTheOtherManager(t *testing.T) {
	h := newHarness(t)
	const text = "{metadata: {name: shared, labels: {team: %s}}}"
	r := h.up("kubernetes:core/v1:ServiceAccount", "shared", strings.Replace(text, "%s", "a", 1))
	if err := h.change(r, strings.Replace(text, "%s", "b", 1)); err != nil {
		t.Fatal(err)
	}
	h.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: shared, labels: {team: theirs}}}")
	err := h.change(r, strings.Replace(text, "%s", "c", 1))
	if err == nil {
		t.Fatal("a field of another manager was taken")
	}
	contains(t, err.Error(), "someone-else", "metadata.labels.team", patchForce)
	if err := h.change(r, `{metadata: {name: shared, labels: {team: c}, annotations: {pulumi.com/patchForce: "true"}}}`); err != nil {
		t.Errorf("patchForce does not take the field: %v", err)
	}
}

func TestRefreshSeesDrift(t *testing.T) {
	h := newHarness(t)
	const text = "{metadata: {name: robot, labels: {team: a}}}"
	r := h.up("kubernetes:core/v1:ServiceAccount", "robot", text)
	h.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot, labels: {team: drifted}}}")
	h.refresh(r)
	if d, _ := h.diff(r, text); d.DetailedDiff["metadata.labels.team"].Kind != p.Update {
		t.Errorf("the drift does not show: %v", d.DetailedDiff)
	}
}

func TestReadByIDNeedsNoInputs(t *testing.T) {
	h := newHarness(t)
	u := urn("kubernetes:core/v1:Namespace", "system")
	r, err := h.provider.Read(p.ReadRequest{ID: "kube-system", Urn: u})
	if err != nil {
		t.Fatal(err)
	}
	if uid := r.Properties.Get("metadata").AsMap().Get("uid"); !uid.IsString() || uid.AsString() == "" {
		t.Errorf("the uid is %v", uid)
	}
	if r.Inputs.Get("kind").AsString() != "Namespace" || !r.Inputs.Get("status").IsNull() {
		t.Errorf("the inputs of an import are %v", r.Inputs)
	}
	missing, err := h.provider.Read(p.ReadRequest{ID: "no-such-namespace", Urn: u})
	if err != nil || missing.ID != "" {
		t.Errorf("a missing object has the answer %v, %v", missing, err)
	}
}

func TestPreviewBearsWhatIsNotThereYet(t *testing.T) {
	h := newHarness(t)
	for name, text := range map[string]string{
		"an unknown namespace": "{metadata: {name: a, namespace: not-yet}, data: {a: b}}",
		"an unknown kind":      "{metadata: {name: a}, data: {a: b}}",
	} {
		token := "kubernetes:core/v1:ConfigMap"
		if name == "an unknown kind" {
			token = "kubernetes:later.example/v1:Thing"
		}
		inputs := h.check(urn(token, "a"), noProps, props(t, text))
		r, err := h.provider.Create(p.CreateRequest{Urn: urn(token, "a"), Properties: inputs, DryRun: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if r.Properties.Get("data").AsMap().Get("a").AsString() != "b" {
			t.Errorf("%s: the inputs are lost", name)
		}
	}
	inputs := props(t, "{metadata: {name: a}}").Set("data", property.New(map[string]property.Value{"a": property.New(property.Computed)}))
	checked := h.check(urn("kubernetes:core/v1:ConfigMap", "a"), noProps, inputs)
	if !checked.Get("data").AsMap().Get("a").IsComputed() {
		t.Errorf("an unknown value became %v", checked.Get("data"))
	}
}

func TestPreviewIsRefusedAsTheUpdateWouldBe(t *testing.T) {
	h := newHarness(t)
	u := urn("kubernetes:core/v1:Service", "bad")
	inputs := h.check(u, noProps, props(t, "{metadata: {name: Bad_Name}, spec: {ports: [{port: 99999}]}}"))
	_, err := h.provider.Create(p.CreateRequest{Urn: u, Properties: inputs, DryRun: true})
	if err == nil {
		t.Fatal("an impossible Service passes the preview")
	}
	contains(t, err.Error(), "metadata.name", "spec.ports[0].port")
}

func TestClientSideApplyDropsWhatTheProgramDrops(t *testing.T) {
	h := newHarness(t, "enableServerSideApply", "false")
	r := h.up("kubernetes:core/v1:ServiceAccount", "robot", "{metadata: {name: robot, labels: {a: b, c: d}}}")
	if err := h.change(r, "{metadata: {name: robot, labels: {a: x}}}"); err != nil {
		t.Fatal(err)
	}
	if labels := h.live("v1", "ServiceAccount", "robot").GetLabels(); len(labels) != 1 || labels["a"] != "x" {
		t.Errorf("the labels are %v", labels)
	}
}

func TestIgnoredChangesAreLeftAlone(t *testing.T) {
	h := newHarness(t)
	r := h.up("kubernetes:core/v1:ServiceAccount", "robot", "{metadata: {name: robot, labels: {a: b, c: d}}}")
	inputs := h.check(r.urn, r.inputs, props(t, "{metadata: {name: robot, labels: {a: x, c: z}}}"))
	ignored := []string{"metadata.labels.a"}
	d, err := h.provider.Diff(p.DiffRequest{ID: r.id, Urn: r.urn, State: r.state, Inputs: inputs, IgnoreChanges: ignored})
	if err != nil || len(d.DetailedDiff) != 1 {
		t.Fatalf("the diff is %v, %v", d.DetailedDiff, err)
	}
	if _, err := h.provider.Update(p.UpdateRequest{ID: r.id, Urn: r.urn, State: r.state, Inputs: inputs, IgnoreChanges: ignored}); err != nil {
		t.Fatal(err)
	}
	if labels := h.live("v1", "ServiceAccount", "robot").GetLabels(); labels["a"] != "b" || labels["c"] != "z" {
		t.Errorf("the labels are %v", labels)
	}
}

func TestInterruptedCreationIsTakenUpUnderTheSameManager(t *testing.T) {
	h := newHarness(t, "upsertExistingObjects", "true")
	const text = "{metadata: {name: robot, labels: {a: b}}}"
	h.up("kubernetes:core/v1:ServiceAccount", "robot", text)      // the engine dies before it hears of it
	r := h.up("kubernetes:core/v1:ServiceAccount", "robot", text) // and makes it again
	if err := h.change(r, "{metadata: {name: robot}}"); err != nil {
		t.Fatal(err)
	}
	if labels := h.live("v1", "ServiceAccount", "robot").GetLabels(); len(labels) != 0 {
		t.Errorf("the lost creation still holds %v", labels)
	}
}
