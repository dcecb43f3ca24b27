package golang

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// slowBuild is how long a compile may last before it is announced.
const slowBuild = 2 * time.Second

// program is a compiled program. Its file stays locked until release, so that no other run replaces it before it
// starts.
type program struct {
	path    string
	release func()
}

// build compiles the program in dir to target, and calls announce when that takes more than slowBuild.
//
// The Go toolchain itself decides whether target is up to date: it reads the build ID in the file, so an unchanged
// program costs only the check. The flags keep the build cache shared with a plain `go build`; the linker's only leave
// out the debug tables.
func build(ctx context.Context, dir, target string, announce func(string)) (*program, error) {
	gobin, err := findGo()
	if err != nil {
		return nil, err
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.go")); len(found) == 0 {
		return nil, fmt.Errorf("there are no Go files in %s: `main` in Pulumi.yaml says where the program is", dir)
	}
	release, err := lock(target)
	if err != nil {
		return nil, err
	}
	slow := time.AfterFunc(slowBuild, func() {
		announce("Compiling the program (the first time takes minutes)...")
	})
	defer slow.Stop()

	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, gobin, "build", "-buildvcs=false", "-ldflags=-s -w", "-o", target, ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	// Interrupted, `go build` keeps what it has compiled; killed, its compilers would go on alone.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := run(cmd); err != nil {
		release()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("compiling the program in %s was interrupted: nothing was run", dir)
		}
		return nil, fmt.Errorf("the program in %s does not compile, so nothing was run (%w):\n%s",
			dir, err, strings.TrimSpace(out.String()))
	}
	info, err := os.Stat(target)
	if err == nil && info.Mode()&0o111 == 0 {
		err = fmt.Errorf("%s is not executable: is its package `main`?", target)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("the program in %s: %w", dir, err)
	}
	return &program{path: target, release: release}, nil
}

// cachedTarget is where the program in dir is compiled to, by default: a folder of its own in Pulumi's home.
func cachedTarget(dir string) (string, error) {
	return cachePath(dir, "program")
}

// lock waits until no other process builds or starts target. It ends with the process at the latest. The lock file is
// kept apart from target, whose folder may be the user's.
func lock(target string) (release func(), err error) {
	path, err := cachePath(target, "lock")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

// cachePath is the path of a file about the given folder or program, in Pulumi's home.
func cachePath(of, file string) (string, error) {
	sum := sha256.Sum256([]byte(of))
	path, err := workspace.GetPulumiPath("programs", filepath.Base(of)+"-"+hex.EncodeToString(sum[:6]), file)
	if err != nil {
		return "", fmt.Errorf("the cache of compiled programs: %w", err)
	}
	return path, nil
}
