package components

import (
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Object is a Kubernetes object of any kind, registered as the SDK's typed resource of that kind would be: state and plugin see
// no difference. The packages of those types would take a minute of the first compile
// (docs/decisions/0003-short-first-compile.md).
type Object struct {
	pulumi.CustomResourceState

	Metadata metav1.ObjectMetaPtrOutput `pulumi:"metadata"`
}

// Name is the object's name; whatever uses it waits for the object.
func (o *Object) Name() pulumi.StringOutput { return o.Metadata.Name().Elem() }

// objectType is the type token of a kind; the core group, which has no name in apiVersion, has one there.
func objectType(apiVersion, kind string) string {
	if !strings.Contains(apiVersion, "/") {
		apiVersion = "core/" + apiVersion
	}
	return "kubernetes:" + apiVersion + ":" + kind
}

// newObject declares an object: its fields beside apiVersion, kind and metadata.
func newObject(ctx *pulumi.Context, name, apiVersion, kind string, metadata *metav1.ObjectMetaArgs, fields pulumi.Map,
	opts ...pulumi.ResourceOption,
) (*Object, error) {
	args := kubernetes.UntypedArgs{"apiVersion": pulumi.String(apiVersion), "kind": pulumi.String(kind), "metadata": metadata}
	for key, value := range fields {
		args[key] = value
	}
	object := &Object{}
	return object, ctx.RegisterResource(objectType(apiVersion, kind), name, args, object, opts...)
}

// NewNamespace declares a namespace. A nil map is none.
func NewNamespace(ctx *pulumi.Context, name, namespace string, labels, annotations map[string]string, opts ...pulumi.ResourceOption) (*Object, error) {
	metadata := &metav1.ObjectMetaArgs{Name: pulumi.String(namespace), Labels: pulumi.ToStringMap(labels)}
	if len(annotations) > 0 {
		metadata.Annotations = pulumi.ToStringMap(annotations)
	}
	return newObject(ctx, name, "v1", "Namespace", metadata, nil, opts...)
}

// GetNamespace reads a namespace that exists. What it is read by is noted as its inputs: without them, each refresh after an update
// finds inputs that are new, and calls that a change.
func GetNamespace(ctx *pulumi.Context, name, namespace string, opts ...pulumi.ResourceOption) (*Object, error) {
	object := &Object{}
	props := kubernetes.UntypedArgs{"apiVersion": pulumi.String("v1"), "kind": pulumi.String("Namespace"),
		"metadata": &metav1.ObjectMetaArgs{Name: pulumi.String(namespace)}}
	return object, ctx.ReadResource(objectType("v1", "Namespace"), name, pulumi.ID(namespace), props, object, opts...)
}

// plainMap turns a struct with JSON tags, such as those of k8s.io/api, into what newObject takes.
func plainMap(value any) (pulumi.Map, error) {
	plain, err := plainOf(value)
	if err != nil {
		return nil, err
	}
	return pulumi.ToMap(plain.(map[string]any)), nil
}
