// Package golang is an offline stand-in for pulumi-language-go: it compiles and runs a Pulumi program written in Go for
// the Pulumi engine. It implements what `pulumi preview`, `up`, `refresh`, `destroy`, `install` and `about` need, and
// refuses the rest by name.
//
// Where the official plugin is installed, it is used instead. Both read the same Pulumi.yaml and pass the same
// environment to the program.
package golang

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Version is the release of pulumi-language-go whose behaviour is followed. It is that of the Pulumi SDK and CLI.
const Version = "v3.250.0"

// Host answers the engine's calls about programs written in Go. The zero value is not ready: use NewHost.
type Host struct {
	pulumirpc.UnsafeLanguageRuntimeServer // A new call in the protocol must fail the build, not answer vaguely.

	engine  string        // address of the engine, host:port
	stopped chan struct{} // closed when the engine cancels, or goes away
	stop    func()
}

// NewHost makes a host for the engine at the given address (host:port). An empty address is allowed for calls that do
// not run a program; Handshake can give it later.
func NewHost(engine string) *Host {
	stopped := make(chan struct{})
	return &Host{engine: engine, stopped: stopped, stop: sync.OnceFunc(func() { close(stopped) })}
}

// Stop ends the running program, and every later one at once. It is what Cancel does.
func (h *Host) Stop() { h.stop() }

// Cancel interrupts the program that is running.
func (h *Host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.Stop()
	return &emptypb.Empty{}, nil
}

// Handshake learns the address of the engine that attaches to a host which was started by hand.
func (h *Host) Handshake(_ context.Context, req *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	if req.GetEngineAddress() == "" {
		return nil, errors.New("pulumi-language-go: the handshake holds no engine address")
	}
	h.engine = req.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

// GetPluginInfo tells the version whose behaviour is followed.
func (h *Host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: Version}, nil
}

// About tells which Go toolchain compiles programs.
func (h *Host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	gobin, err := findGo()
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, gobin, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("pulumi-language-go: %s version: %w", gobin, err)
	}
	return &pulumirpc.AboutResponse{Executable: gobin, Version: strings.TrimSpace(string(out))}, nil
}

// RuntimeOptionsPrompts has no questions to ask when a project is made.
func (h *Host) RuntimeOptionsPrompts(context.Context, *pulumirpc.RuntimeOptionsRequest,
) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

// Template has nothing to add to a project made from a template.
func (h *Host) Template(context.Context, *pulumirpc.TemplateRequest) (*pulumirpc.TemplateResponse, error) {
	return &pulumirpc.TemplateResponse{}, nil
}

// dialEngine opens a client of the engine, and returns what closes it.
func (h *Host) dialEngine() (pulumirpc.EngineClient, func(), error) {
	if h.engine == "" {
		return nil, nil, errors.New("pulumi-language-go: the engine's address is not known: " +
			"it was neither an argument nor given by a handshake, so no program can run")
	}
	conn, err := grpc.NewClient(h.engine,
		grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions())
	if err != nil {
		return nil, nil, fmt.Errorf("pulumi-language-go: the engine at %s: %w", h.engine, err)
	}
	return pulumirpc.NewEngineClient(conn), func() { _ = conn.Close() }, nil
}

// findGo finds the Go toolchain on the PATH.
func findGo() (string, error) {
	gobin, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("pulumi-language-go: programs are compiled with the Go toolchain, "+
			"but there is no `go` on the PATH: %w", err)
	}
	return gobin, nil
}
