package components

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
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

// GetNamespace reads a namespace that exists.
func GetNamespace(ctx *pulumi.Context, name, namespace string, opts ...pulumi.ResourceOption) (*Object, error) {
	object := &Object{}
	return object, readObject(ctx, name, "v1", "Namespace", "", namespace, object, opts...)
}

// endpointSlice holds addresses behind a Service.
type endpointSlice struct {
	pulumi.CustomResourceState

	Endpoints pulumi.AnyOutput `pulumi:"endpoints"`
}

// GetControlPlane reads where the API server's own connections come from: the addresses behind the Service kubernetes, as CIDRs. On EKS
// they are those of the control plane's network interfaces, elsewhere those of the nodes that it runs on.
func GetControlPlane(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (pulumi.StringArrayOutput, error) {
	slice := &endpointSlice{}
	err := readObject(ctx, name, "discovery.k8s.io/v1", "EndpointSlice", "default", "kubernetes", slice, opts...)
	return slice.Endpoints.ApplyT(func(endpoints any) ([]string, error) {
		var cidrs []string
		list, _ := endpoints.([]any)
		for _, endpoint := range list {
			fields, _ := endpoint.(map[string]any)
			addresses, _ := fields["addresses"].([]any)
			for _, address := range addresses {
				ip, err := netip.ParseAddr(fmt.Sprint(address))
				if err != nil {
					return nil, fmt.Errorf("an address of the Service default/kubernetes: %w", err)
				}
				cidrs = append(cidrs, netip.PrefixFrom(ip, ip.BitLen()).String())
			}
		}
		if len(cidrs) == 0 {
			return nil, errors.New("the Service default/kubernetes has no address: opex could not reach a service through its NetworkPolicy")
		}
		slices.Sort(cidrs)
		return cidrs, nil
	}).(pulumi.StringArrayOutput), err
}

// readObject reads an object that exists. What it is read by is noted as its inputs: without them, each refresh after an update finds
// inputs that are new, and calls that a change.
func readObject(ctx *pulumi.Context, name, apiVersion, kind, namespace, object string, into pulumi.CustomResource,
	opts ...pulumi.ResourceOption,
) error {
	metadata, id := &metav1.ObjectMetaArgs{Name: pulumi.String(object)}, object
	if namespace != "" {
		metadata.Namespace, id = pulumi.String(namespace), namespace+"/"+object
	}
	props := kubernetes.UntypedArgs{"apiVersion": pulumi.String(apiVersion), "kind": pulumi.String(kind), "metadata": metadata}
	return ctx.ReadResource(objectType(apiVersion, kind), name, pulumi.ID(id), props, into, opts...)
}

// plainMap turns a struct with JSON tags, such as those of k8s.io/api, into what newObject takes.
func plainMap(value any) (pulumi.Map, error) {
	plain, err := plainOf(value)
	if err != nil {
		return nil, err
	}
	return pulumi.ToMap(plain.(map[string]any)), nil
}
