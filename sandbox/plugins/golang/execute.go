package golang

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// execute runs the program. Its output is the host's, which the engine shows. When ctx ends it is interrupted, and
// killed 5 s later.
func execute(ctx context.Context, prog *program, dir string, env []string) *pulumirpc.RunResponse {
	cmd := exec.CommandContext(ctx, prog.path)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second

	err := runThen(cmd, prog.release)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}
	case ctx.Err() != nil:
		return &pulumirpc.RunResponse{Error: "the program was interrupted"}
	case !errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program could not run: %v", err)}
	case exit.ExitCode() == constant.ExitStatusLoggedError:
		return &pulumirpc.RunResponse{Bail: true} // The program has told the engine why.
	case exit.ExitCode() < 0:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program died: %v", exit)}
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("program exited with non-zero exit code: %d", exit.ExitCode())}
	}
}

// run starts a command that must not outlive the host, and waits for it.
func run(cmd *exec.Cmd) error { return runThen(cmd, func() {}) }

// runThen is run, and calls started as soon as the command runs, or cannot.
func runThen(cmd *exec.Cmd, started func()) error {
	// The kernel sends the death signal when the *thread* that started the command ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Start()
	started()
	if err != nil {
		return err
	}
	return cmd.Wait()
}
