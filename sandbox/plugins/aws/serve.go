package aws

import (
	"context"

	goprovider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/pkg/v3/resource/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Serve answers the engine until it hangs up.
func Serve(ctx context.Context) error {
	return provider.MainContext(ctx, "aws", newWire)
}

// wire is the provider as the engine calls it. It mends two things in pulumi-go-provider v1.3.0.
type wire struct {
	pulumirpc.ResourceProviderServer
}

func newWire(host *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
	server, err := goprovider.RawServer("aws", Version, Provider())(host)
	return wire{server}, err
}

// Check passes the engine's random seed on, which is dropped otherwise. With it, the names that are chosen in a preview are
// those of the update after it.
func (w wire) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return w.ResourceProviderServer.Check(context.WithValue(ctx, seedKey, req.GetRandomSeed()), req)
}

// Read answers with no properties at all when the resource is gone. The engine takes an empty set of them for a resource
// that is there: a refresh would keep it, and an import would succeed.
func (w wire) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	resp, err := w.ResourceProviderServer.Read(ctx, req)
	if err == nil && resp.GetId() == "" {
		return &pulumirpc.ReadResponse{}, nil
	}
	return resp, err
}
