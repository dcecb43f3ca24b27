// Package wire serves a provider to the engine. It mends what pulumi-go-provider v1.3.0 loses on the way, and ends the
// process with its engine.
package wire

import (
	"context"
	"os"
	"time"

	goprovider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/pkg/v3/resource/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Serve answers the engine until it hangs up.
func Serve(ctx context.Context, name, version string, p goprovider.Provider) error {
	go endWithEngine(os.Getppid())
	return provider.MainContext(ctx, name, func(host *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		return New(host, name, version, p)
	})
}

// New is the provider as the engine calls it. host is nil in tests.
func New(
	host *provider.HostClient, name, version string, p goprovider.Provider,
) (pulumirpc.ResourceProviderServer, error) {
	server, err := goprovider.RawServer(name, version, p)(host)
	return mended{server}, err
}

// RandomSeed is the engine's seed for the names that are chosen during a Check; with it, the names of a preview are
// those of the update after it. It is empty outside a Check.
func RandomSeed(ctx context.Context) []byte {
	seed, _ := ctx.Value(seedKey{}).([]byte)
	return seed
}

type seedKey struct{}

type mended struct {
	pulumirpc.ResourceProviderServer
}

// Check passes the engine's random seed on, which is dropped otherwise.
func (m mended) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return m.ResourceProviderServer.Check(context.WithValue(ctx, seedKey{}, req.GetRandomSeed()), req)
}

// Read answers with no properties at all when the resource is gone. The engine takes an empty set of them for a
// resource that is there: a refresh would keep it, and an import would succeed.
func (m mended) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	resp, err := m.ResourceProviderServer.Read(ctx, req)
	if err == nil && resp.GetId() == "" {
		return &pulumirpc.ReadResponse{}, nil
	}
	return resp, err
}

// endWithEngine ends the process when its engine was killed; the framework would notice after five minutes only. The
// broken connection has cancelled what was under way, which gets some seconds to note that.
func endWithEngine(engine int) {
	for os.Getppid() == engine {
		time.Sleep(time.Second)
	}
	time.Sleep(5 * time.Second)
	os.Exit(1)
}
