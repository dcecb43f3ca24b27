// Package pulumitest runs Pulumi programs against an engine that creates nothing and writes everything down. It refuses
// what a program should not do: unknown calls, two resources of one URN, and Kubernetes resources on a default
// provider.
package pulumitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Options say how a program runs. The zero value is an update of project `opex`, stack `test`.
type Options struct {
	Project, Stack, Folder string
	Preview                bool
	// Made says that an update made all of it before: only then has a preview the IDs, as of the engine itself.
	Made bool
	// Read answers reads of existing objects: their state by type token and ID, as in
	// `kubernetes:core/v1:Namespace::kube-system`. Any other read fails. A nil state is unknown, as before the first
	// update.
	Read map[string]map[string]any
}

// Run runs a program and returns what it did, and its error.
func Run(t testing.TB, program pulumi.RunFunc, options Options) (*Record, error) {
	t.Helper()
	if options.Project == "" {
		options.Project = "opex"
	}
	if options.Stack == "" {
		options.Stack = "test"
	}
	e := &engine{options: options, record: &Record{Outputs: map[string]any{}}, urns: map[string]bool{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pulumirpc.RegisterResourceMonitorServer(server, e)
	pulumirpc.RegisterEngineServer(server, messages{record: e.record, mutex: &e.mutex})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	err = pulumi.RunErr(program, func(info *pulumi.RunInfo) {
		info.Project, info.Stack, info.RootDirectory = options.Project, options.Stack, options.Folder
		info.MonitorAddr, info.EngineAddr = listener.Addr().String(), listener.Addr().String()
		info.DryRun = options.Preview
	})
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.record, err
}

// engine is a resource monitor. What it does not implement fails by name, as the embedded server does.
type engine struct {
	pulumirpc.UnimplementedResourceMonitorServer
	options Options

	mutex  sync.Mutex
	record *Record
	urns   map[string]bool
}

func (e *engine) SupportsFeature(
	_ context.Context, in *pulumirpc.SupportsFeatureRequest,
) (*pulumirpc.SupportsFeatureResponse, error) {
	return &pulumirpc.SupportsFeatureResponse{
		HasSupport: in.GetId() == "secrets" || in.GetId() == "resourceReferences",
	}, nil
}

func (e *engine) RegisterResource(
	_ context.Context, in *pulumirpc.RegisterResourceRequest,
) (*pulumirpc.RegisterResourceResponse, error) {
	r := Resource{
		URN:  e.urn(in.GetParent(), in.GetType(), in.GetName()),
		Type: in.GetType(), Name: in.GetName(), Parent: in.GetParent(),
		Provider: in.GetProvider(), Protect: in.GetProtect(), DependsOn: in.GetDependencies(),
		IgnoreChanges: in.GetIgnoreChanges(),
	}
	if err := e.add(r, in.GetObject(), in.GetCustom()); err != nil {
		return nil, err
	}
	object, err := withARN(in)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.RegisterResourceResponse{Urn: r.URN, Object: object}
	if in.GetCustom() && (e.options.Made || !e.options.Preview) {
		response.Id = in.GetName() + "-id"
	}
	return response, nil
}

// withARN invents what AWS computes and programs pass on, so that wiring shows in what is registered. A preview does
// not know it.
func withARN(in *pulumirpc.RegisterResourceRequest) (*structpb.Struct, error) {
	if !strings.HasPrefix(in.GetType(), "aws:") {
		return in.GetObject(), nil
	}
	object := proto.Clone(in.GetObject()).(*structpb.Struct)
	arn, err := structpb.NewValue("arn:aws:test:::" + in.GetName())
	if err != nil {
		return nil, err
	}
	object.Fields["arn"] = arn
	return object, nil
}

func (e *engine) ReadResource(
	_ context.Context, in *pulumirpc.ReadResourceRequest,
) (*pulumirpc.ReadResourceResponse, error) {
	known := in.GetType() + "::" + in.GetId()
	state, is := e.options.Read[known]
	if !is {
		return nil, fmt.Errorf("pulumitest: no object %s to read", known)
	}
	r := Resource{URN: e.urn(in.GetParent(), in.GetType(), in.GetName()), Type: in.GetType(), Name: in.GetName(),
		Parent: in.GetParent(), Provider: in.GetProvider(), Read: true}
	if err := e.add(r, in.GetProperties(), true); err != nil {
		return nil, err
	}
	values := resource.NewPropertyMapFromMap(state)
	if state == nil {
		values = resource.PropertyMap{"metadata": resource.MakeComputed(resource.NewProperty(""))}
	}
	object, err := plugin.MarshalProperties(values, plugin.MarshalOptions{KeepUnknowns: true})
	return &pulumirpc.ReadResourceResponse{Urn: r.URN, Properties: object}, err
}

func (e *engine) RegisterResourceOutputs(
	_ context.Context, in *pulumirpc.RegisterResourceOutputsRequest,
) (*emptypb.Empty, error) {
	outputs, secrets, err := plain(in.GetOutputs())
	if err != nil {
		return nil, err
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if strings.Contains(in.GetUrn(), string(resource.RootStackType)) {
		e.record.Outputs, e.record.SecretOutputs = outputs, secrets
	}
	return &emptypb.Empty{}, nil
}

func (e *engine) SignalAndWaitForShutdown(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (e *engine) RegisterPackage(
	context.Context, *pulumirpc.RegisterPackageRequest,
) (*pulumirpc.RegisterPackageResponse, error) {
	return nil, errors.New("pulumitest: the program uses a parameterized package, which is not foreseen")
}

// add writes a resource down.
func (e *engine) add(r Resource, object *structpb.Struct, custom bool) error {
	var err error
	if r.Inputs, r.Secrets, err = plain(object); err != nil {
		return err
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.urns[r.URN] {
		return fmt.Errorf("pulumitest: a second resource has the URN %s", r.URN)
	}
	e.urns[r.URN] = true
	if custom && strings.HasPrefix(r.Type, "kubernetes:") && r.Provider == "" {
		return fmt.Errorf("pulumitest: %s would use a default provider, and so an ambient cluster", r.URN)
	}
	if r.Type != string(resource.RootStackType) {
		e.record.Resources = append(e.record.Resources, r)
	}
	return nil
}

// urn is made as the real engine does it: of the chain of the parents' types, without their names.
func (e *engine) urn(parent, typ, name string) string {
	var parentType tokens.Type
	if parent != "" && resource.URN(parent).QualifiedType() != resource.RootStackType {
		parentType = resource.URN(parent).QualifiedType()
	}
	return string(
		resource.NewURN(
			tokens.QName(e.options.Stack), tokens.PackageName(e.options.Project), parentType, tokens.Type(typ), name,
		),
	)
}

// messages is the engine's other half: the log.
type messages struct {
	pulumirpc.UnimplementedEngineServer
	record *Record
	mutex  *sync.Mutex
}

func (m messages) Log(_ context.Context, in *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.record.Messages = append(m.record.Messages, in.GetSeverity().String()+": "+in.GetMessage())
	return &emptypb.Empty{}, nil
}
