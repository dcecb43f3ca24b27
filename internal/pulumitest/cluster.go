package pulumitest

import (
	"testing"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// OnCluster runs what declares resources on an explicit cluster.
func OnCluster(t testing.TB, program func(ctx *pulumi.Context, cluster pulumi.ResourceOption) error) (*Record, error) {
	t.Helper()
	return Run(t, func(ctx *pulumi.Context) error {
		provider, err := kubernetes.NewProvider(
			ctx, "cluster", &kubernetes.ProviderArgs{Kubeconfig: pulumi.String("none")},
		)
		if err != nil {
			return err
		}
		return program(ctx, pulumi.Providers(provider))
	}, Options{})
}

// Object digs an object out of inputs; the test ends where there is none.
func Object(t testing.TB, from any, keys ...string) map[string]any {
	t.Helper()
	for _, key := range keys {
		from = from.(map[string]any)[key]
	}
	found, is := from.(map[string]any)
	if !is {
		t.Fatalf("%v is %v, want an object", keys, from)
	}
	return found
}
