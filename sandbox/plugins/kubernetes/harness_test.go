package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// harness drives a configured provider as the engine would.
type harness struct {
	t         *testing.T
	provider  integration.Server
	cluster   *cluster // beside the provider: to look at what it did, and to play the other controllers
	namespace string
	timeout   float64 // customTimeouts of each resource, in seconds
}

var namespaces atomic.Int32

// newHarness configures a provider against the test server, with a namespace of its own. Settings are key, value pairs.
func newHarness(t *testing.T, settings ...string) *harness {
	t.Helper()
	path := kubeconfig(t)
	provider, err := integration.NewServer(context.Background(), Name, semver.MustParse(Version), integration.WithProvider(New()))
	if err != nil {
		t.Fatal(err)
	}
	namespace := fmt.Sprintf("test-%d", namespaces.Add(1))
	variables := map[string]string{configPrefix + "kubeconfig": path, configPrefix + "namespace": namespace}
	for i := 0; i < len(settings); i += 2 {
		variables[configPrefix+settings[i]] = settings[i+1]
	}
	if err := provider.Configure(p.ConfigureRequest{Variables: variables}); err != nil {
		t.Fatal(err)
	}
	c, err := connect(Config{Kubeconfig: path}, warnings(func(context.Context, int, string, string) {}))
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, provider: provider, cluster: c, namespace: namespace, timeout: 40}
	h.apply(fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}", namespace))
	return h
}

// urn names a resource of the test stack.
func urn(token, name string) resource.URN {
	return resource.NewURN("test", "plugin", "", tokens.Type(token), name)
}

// props reads inputs from YAML.
func props(t *testing.T, text string) property.Map {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return fromObject(object, property.Map{})
}

// resourceState is a resource as the engine keeps it.
type resourceState struct {
	urn           resource.URN
	id            string
	inputs, state property.Map
}

// check runs Check as for a new resource, or with old inputs.
func (h *harness) check(u resource.URN, old, inputs property.Map) property.Map {
	h.t.Helper()
	r, err := h.provider.Check(p.CheckRequest{Urn: u, State: old, Inputs: inputs})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(r.Failures) > 0 {
		h.t.Fatalf("check failed: %v", r.Failures)
	}
	return r.Inputs
}

// up creates a resource: check, preview, create.
func (h *harness) up(token, name, text string) *resourceState {
	h.t.Helper()
	r, err := h.tryUp(token, name, text)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *harness) tryUp(token, name, text string) (*resourceState, error) {
	h.t.Helper()
	u := urn(token, name)
	inputs := h.check(u, property.Map{}, props(h.t, text))
	if _, err := h.provider.Create(p.CreateRequest{Urn: u, Properties: inputs, DryRun: true}); err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	made, err := h.provider.Create(p.CreateRequest{Urn: u, Properties: inputs, Timeout: h.timeout})
	return &resourceState{u, made.ID, inputs, made.Properties}, err
}

// diff checks new inputs and compares them with what is there.
func (h *harness) diff(r *resourceState, text string) (p.DiffResponse, property.Map) {
	h.t.Helper()
	inputs := h.check(r.urn, r.inputs, props(h.t, text))
	d, err := h.provider.Diff(p.DiffRequest{ID: r.id, Urn: r.urn, State: r.state, Inputs: inputs, OldInputs: r.inputs})
	if err != nil {
		h.t.Fatal(err)
	}
	return d, inputs
}

// change diffs, previews and updates a resource, which must be possible in place.
func (h *harness) change(r *resourceState, text string) error {
	h.t.Helper()
	d, inputs := h.diff(r, text)
	if !d.HasChanges || replacesAny(d) {
		h.t.Fatalf("wanted an update in place, got %+v", d)
	}
	request := p.UpdateRequest{ID: r.id, Urn: r.urn, State: r.state, Inputs: inputs, OldInputs: r.inputs, DryRun: true, Timeout: h.timeout}
	if _, err := h.provider.Update(request); err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	request.DryRun = false
	u, err := h.provider.Update(request)
	r.inputs, r.state = inputs, u.Properties
	return err
}

// refresh reads a resource back; it says whether it is still there.
func (h *harness) refresh(r *resourceState) bool {
	h.t.Helper()
	read, err := h.provider.Read(p.ReadRequest{ID: r.id, Urn: r.urn, Properties: r.state, Inputs: r.inputs})
	if err != nil {
		h.t.Fatal(err)
	}
	if read.ID == "" {
		return false
	}
	r.inputs, r.state = read.Inputs, read.Properties
	return true
}

func (h *harness) down(r *resourceState) {
	h.t.Helper()
	if err := h.provider.Delete(p.DeleteRequest{ID: r.id, Urn: r.urn, Properties: r.state, OldInputs: r.inputs, Timeout: h.timeout}); err != nil {
		h.t.Fatal(err)
	}
}

func replacesAny(d p.DiffResponse) bool {
	for _, c := range d.DetailedDiff {
		if strings.HasSuffix(string(c.Kind), "replace") {
			return true
		}
	}
	return false
}

// live looks an object up behind the provider's back; nil if it is not there.
func (h *harness) live(apiVersion, kind, name string) *unstructured.Unstructured {
	h.t.Helper()
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		h.t.Fatal(err)
	}
	client, err := h.cluster.resource(gv.WithKind(kind), h.namespace)
	if err != nil {
		h.t.Fatal(err)
	}
	object, err := client.Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return object
}

// apply makes an object behind the provider's back.
func (h *harness) apply(text string) {
	h.t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		h.t.Fatal(err)
	}
	if str(object, "metadata", "namespace") == "" && str(object, "kind") != "Namespace" && str(object, "kind") != "Node" && str(object, "kind") != "StorageClass" {
		set(object, h.namespace, "metadata", "namespace")
	}
	client, err := h.cluster.resource(kindIn(object), h.namespace)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := client.Apply(context.Background(), str(object, "metadata", "name"), wrap(object), metav1.ApplyOptions{FieldManager: "someone-else", Force: true}); err != nil {
		h.t.Fatal(err)
	}
}

// setStatus plays a controller.
func (h *harness) setStatus(apiVersion, kind, name string, status map[string]any) {
	h.t.Helper()
	object := h.live(apiVersion, kind, name)
	if object == nil {
		h.t.Fatalf("there is no %s %s", kind, name)
	}
	set(object.Object, status, "status")
	client, err := h.cluster.resource(object.GroupVersionKind(), h.namespace)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := client.UpdateStatus(context.Background(), object, metav1.UpdateOptions{}); err != nil {
		h.t.Fatal(err)
	}
}
