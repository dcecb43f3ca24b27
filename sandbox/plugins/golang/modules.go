package golang

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// goModule is what `go list -m -json` and `go mod download -json` tell of a module.
type goModule struct {
	Path     string
	Version  string
	Indirect bool
	Dir      string // empty when the module is not on this machine
	Replace  *struct{ Path string }
}

// InstallDependencies downloads the program's modules. Unlike the official plugin it does not tidy go.mod: that asks
// the network for the newest of everything, and changes files.
func (h *Host) InstallDependencies(req *pulumirpc.InstallDependenciesRequest,
	server grpc.ServerStreamingServer[pulumirpc.InstallDependenciesResponse],
) error {
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(server, req.GetIsTerminal())
	if err != nil {
		return err
	}
	gobin, err := findGo()
	if err != nil {
		return errors.Join(err, closer.Close())
	}
	dir := req.GetInfo().GetProgramDirectory()
	_, _ = fmt.Fprintf(stdout, "Downloading the modules of %s...\n", dir)
	cmd := exec.CommandContext(server.Context(), gobin, "mod", "download")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, stdout, stderr
	if err := run(cmd); err != nil {
		return errors.Join(fmt.Errorf("pulumi-language-go: `go mod download` in %s: %w", dir, err), closer.Close())
	}
	_, _ = fmt.Fprintln(stdout, "All modules are there.")
	return closer.Close()
}

// requiredModules lists the modules of go.mod and sees that each is on this machine. One that cannot be downloaded is
// left out: if the program needs it, the compile will say so.
func requiredModules(ctx context.Context, dir string) ([]goModule, error) {
	modules, err := listModules(ctx, dir)
	if err != nil {
		return nil, err
	}
	args := []string{"mod", "download", "-json"}
	missing := map[string]int{}
	for i, m := range modules {
		if m.Dir == "" {
			missing[m.Path] = i
			args = append(args, m.Path)
		}
	}
	if len(missing) > 0 {
		out, _ := goOutput(ctx, dir, args...)
		downloaded, err := decodeModules(out)
		if err != nil {
			return nil, err
		}
		for _, m := range downloaded {
			if i, ok := missing[m.Path]; ok {
				modules[i].Dir = m.Dir
			}
		}
	}
	return modules, nil
}

// listModules lists the modules that the go.mod of the program in dir requires: none when there is no go.mod.
func listModules(ctx context.Context, dir string) ([]goModule, error) {
	gomod, err := goOutput(ctx, dir, "env", "GOMOD")
	if err != nil {
		return nil, err
	}
	if path := strings.TrimSpace(string(gomod)); path == "" || path == os.DevNull {
		return nil, nil
	}
	out, err := goOutput(ctx, dir, "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var file struct{ Require []goModule }
	if err := json.Unmarshal(out, &file); err != nil {
		return nil, fmt.Errorf("pulumi-language-go: go mod edit -json in %s: %w", dir, err)
	}
	if len(file.Require) == 0 {
		return nil, nil
	}
	args := []string{"list", "-m", "-e", "-json"}
	for _, m := range file.Require {
		args = append(args, m.Path)
	}
	if out, err = goOutput(ctx, dir, args...); err != nil {
		return nil, err
	}
	return decodeModules(out)
}

// decodeModules reads the stream of modules that the go command prints.
func decodeModules(out []byte) (modules []goModule, err error) {
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m goModule
		switch err := dec.Decode(&m); {
		case errors.Is(err, io.EOF):
			return modules, nil
		case err != nil:
			return nil, fmt.Errorf("pulumi-language-go: the go command's list of modules: %w", err)
		}
		modules = append(modules, m)
	}
}

// goOutput runs the go command in dir. What it printed is returned even when it failed.
func goOutput(ctx context.Context, dir string, args ...string) ([]byte, error) {
	gobin, err := findGo()
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, gobin, args...)
	// A workspace around the program would list the modules of its neighbours too.
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := run(cmd); err != nil {
		return stdout.Bytes(), fmt.Errorf("pulumi-language-go: go %s %s in %s: %w: %s",
			args[0], args[1], dir, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}
