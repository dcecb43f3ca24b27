package golang

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Run compiles the program if need be and runs it to its end.
func (h *Host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	engine, closeEngine, err := h.dialEngine()
	if err != nil {
		return nil, err
	}
	defer closeEngine()
	if req.GetAttachDebugger() {
		return nil, refuse("attaching a debugger to a program")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-h.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	announce := func(line string) {
		// Progress only: a program must not fail because a line was lost.
		_, _ = engine.Log(ctx, &pulumirpc.LogRequest{Severity: pulumirpc.LogSeverity_INFO, Message: line})
	}
	prog, err := prepare(ctx, req.GetInfo(), announce)
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	env, err := environment(req, h.engine)
	if err != nil {
		prog.release()
		return nil, err
	}
	return execute(ctx, prog, req.GetPwd(), env), nil
}

// prepare finds the compiled program, or makes it.
func prepare(ctx context.Context, info *pulumirpc.ProgramInfo, announce func(string)) (*program, error) {
	opts, err := parseOptions(info.GetOptions().AsMap())
	if err != nil {
		return nil, err
	}
	if opts.binary != "" {
		path, err := findBinary(info.GetRootDirectory(), opts.binary)
		if err != nil {
			return nil, err
		}
		return &program{path: path, release: func() {}}, nil
	}
	target := opts.buildTarget
	if target == "" {
		if target, err = cachedTarget(info.GetProgramDirectory()); err != nil {
			return nil, err
		}
	} else if !filepath.IsAbs(target) {
		target = filepath.Join(info.GetProgramDirectory(), target)
	}
	return build(ctx, info.GetProgramDirectory(), target, announce)
}

// findBinary finds runtime.options.binary, first under the project's root, then on the PATH.
func findBinary(root, binary string) (string, error) {
	path := binary
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		if info.Mode()&0o111 == 0 {
			return "", fmt.Errorf("Pulumi.yaml, runtime.options.binary: %s is not executable", path)
		}
		return path, nil
	}
	found, err := exec.LookPath(binary)
	if err != nil {
		return "", fmt.Errorf("Pulumi.yaml, runtime.options.binary: %q is neither a file under %s nor on the PATH",
			binary, root)
	}
	return found, nil
}
