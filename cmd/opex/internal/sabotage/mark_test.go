package sabotage

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	kubernetes "k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

func TestPatchedFieldsGetTheirValuesOfBeforeAndOthersKeepTheirs(t *testing.T) {
	before := map[string]any{
		"spec": map[string]any{"selector": map[string]any{"app": "a"}, "replicas": 1, "image": "x"},
	}
	fields := map[string]any{
		"spec": map[string]any{"selector": map[string]any{"opex": "nothing"}, "paused": true, "image": nil},
	}
	now := map[string]any{
		"spec": map[string]any{
			"selector": map[string]any{"app": "a", "opex": "nothing", "new": "b"},
			"replicas": 2,
			"paused":   true,
		},
	}
	putFields(now, pick(before, fields), fields)
	want := map[string]any{
		"spec": map[string]any{"selector": map[string]any{"app": "a", "new": "b"}, "replicas": 2, "image": "x"},
	}
	if !reflect.DeepEqual(now, want) {
		t.Errorf("got %v, want %v", now, want)
	}
}

// object is one of a stack, which another manager owns.
func object(kind, namespace, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind, "spec": spec,
		"metadata": map[string]any{"name": name, "namespace": namespace, "labels": map[string]any{"app": "a"}}}}
	o.SetManagedFields(
		[]metav1.ManagedFieldsEntry{
			{
				Manager:   "pulumi",
				Operation: metav1.ManagedFieldsOperationApply,
				FieldsV1:  &metav1.FieldsV1{Raw: []byte(`{"f:spec":{}}`)},
			},
		},
	)
	return o
}

// refused is a ReplicaSet of the service that a quota kept from making its pod, and that was told of it since.
var refused = appsv1.ReplicaSet{
	ObjectMeta: metav1.ObjectMeta{Name: "shop-1", Namespace: "shops", Labels: map[string]string{"app": "shop"}},
	Spec:       appsv1.ReplicaSetSpec{Replicas: new(int32(3))},
	Status:     appsv1.ReplicaSetStatus{Replicas: 2},
}

// stage is a site whose cluster holds these objects.
func stage(t *testing.T, all ...runtime.Object) *scene {
	t.Helper()
	s, lists := newScene(), map[schema.GroupVersionResource]string{}
	for _, kind := range marks {
		lists[kind] = "List"
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, all...)
	s.Cluster = &kube.Cluster{Dynamic: client, Client: kubernetes.NewClientset(refused.DeepCopy())}
	s.Service.Selector = map[string]string{"app": "shop"}
	s.Service.Namespace = "shops"
	at := contract.Endpoint{Namespace: "costs", Service: "opencost", Port: 9003}
	s.Outputs = stack.Outputs{
		Cost:   &contract.CostVisibility{OpenCost: at, Prometheus: at},
		Size:   &contract.SizeAdvisor{Namespace: "sizes"},
		Backup: &contract.BackupVault{Namespace: "velero"},
		Chaos:  &contract.ChaosLab{Namespace: "chaos"},
	}
	return s
}

// TestWhatARunThatDiedHasLeftIsFoundAndPutBackByTheNext: the second site knows nothing but the cluster.
func TestWhatARunThatDiedHasLeftIsFoundAndPutBackByTheNext(t *testing.T) {
	s := stage(
		t, object("Service", "costs", "opencost", map[string]any{"selector": map[string]any{"app": "opencost"}}),
		object("Service", "costs", "other", nil),
	)
	ctx := t.Context()
	if err := s.patch(ctx, services, "costs", "opencost", spec(map[string]any{"selector": map[string]any{"opex": "nothing"}, "paused": true})); err != nil {
		t.Fatal(err)
	}
	if err := s.create(ctx, quotas, "shops", map[string]any{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": map[string]any{"name": "none"}}); err != nil {
		t.Fatal(err)
	}
	// Meanwhile somebody else writes, and the change has made opex an owner.
	at := s.objects(services, "costs")
	now, err := at.Get(ctx, "opencost", metav1.GetOptions{})
	if err != nil || now.GetLabels()[mark] != changed {
		t.Fatalf("%v, %v", now, err)
	}
	now.SetManagedFields(
		[]metav1.ManagedFieldsEntry{
			{Manager: "opex", Operation: metav1.ManagedFieldsOperationUpdate},
			{Manager: "controller", Subresource: "status"},
		},
	)
	now.Object["spec"].(map[string]any)["port"] = int64(7)
	if _, err := at.Update(ctx, now, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}

	next := stage(t)
	next.Cluster = s.Cluster
	left, err := next.Left(ctx)
	if err != nil || len(left) != 2 || left[0].String() != "changed: services costs/opencost" ||
		left[1].String() != "made: resourcequotas shops/none" {
		t.Fatalf("left are %v, %v", left, err)
	}
	// The pod comes once its ReplicaSet is woken.
	woken := false
	sets := next.Cluster.Client.(*kubernetes.Clientset)
	sets.PrependReactor("patch", "replicasets", func(k8stesting.Action) (bool, runtime.Object, error) {
		woken = true
		whole := refused.DeepCopy()
		whole.Status.Replicas = 3
		return false, nil, sets.Tracker().Update(appsv1.SchemeGroupVersion.WithResource("replicasets"), whole, "shops")
	})
	if err := next.PutBackLeft(ctx, left); err != nil || !woken {
		t.Fatalf("woken: %v, error %v", woken, err)
	}
	now, err = at.Get(ctx, "opencost", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(
		map[string]any{
			"spec":        now.Object["spec"],
			"labels":      now.GetLabels(),
			"annotations": now.GetAnnotations(),
			"owners":      now.GetManagedFields(),
		},
	)
	if want := `{"annotations":null,"labels":{"app":"a"},"owners":[{"manager":"pulumi","operation":"Apply","fieldsV1":{"f:spec":{}}},{"manager":"controller","subresource":"status"}],` +
		`"spec":{"port":7,"selector":{"app":"opencost"}}}`; string(
		got,
	) != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	if left, err := next.Left(ctx); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if !strings.Contains(next.said.String(), "what was left is put back") {
		t.Errorf("people were told %s", &next.said)
	}
}
