package golang

import (
	"context"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// refuse is the answer to a call that the stand-in does not support.
func refuse(what string) error {
	return status.Errorf(codes.Unimplemented, "pulumi-language-go (offline stand-in): %s is not supported: "+
		"it runs programs that are already written. Install the official plugin to use it", what)
}

// GetRequiredPlugins is the older form of GetRequiredPackages. Engines of this version call the newer one.
func (h *Host) GetRequiredPlugins(context.Context, *pulumirpc.GetRequiredPluginsRequest,
) (*pulumirpc.GetRequiredPluginsResponse, error) {
	return nil, refuse("GetRequiredPlugins")
}

// RunPlugin would run a provider from its source.
func (h *Host) RunPlugin(*pulumirpc.RunPluginRequest, grpc.ServerStreamingServer[pulumirpc.RunPluginResponse]) error {
	return refuse("running a provider or a component from its Go source (RunPlugin)")
}

// GenerateProgram would translate a program into Go.
func (h *Host) GenerateProgram(context.Context, *pulumirpc.GenerateProgramRequest,
) (*pulumirpc.GenerateProgramResponse, error) {
	return nil, refuse("translating a program into Go (GenerateProgram)")
}

// GenerateProject would translate a whole project into Go.
func (h *Host) GenerateProject(context.Context, *pulumirpc.GenerateProjectRequest,
) (*pulumirpc.GenerateProjectResponse, error) {
	return nil, refuse("translating a project into Go (GenerateProject)")
}

// GeneratePackage would write a provider's SDK in Go.
func (h *Host) GeneratePackage(context.Context, *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	return nil, refuse("writing an SDK in Go (GeneratePackage)")
}

// Pack would bundle an SDK.
func (h *Host) Pack(context.Context, *pulumirpc.PackRequest) (*pulumirpc.PackResponse, error) {
	return nil, refuse("bundling an SDK (Pack)")
}

// Link would wire a local SDK into a project.
func (h *Host) Link(context.Context, *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	return nil, refuse("linking an SDK into a project (Link)")
}
