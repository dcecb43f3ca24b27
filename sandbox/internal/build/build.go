// Package build compiles what a sandbox runs, from the Go modules that the repository pins.
package build

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// kubePrograms are the names by which the multi-call program kube is called from a shell.
var kubePrograms = []string{"kubectl"}

// Run builds a target into the sandboxes' folders. note is told what the compiler is at, and in the end what it took.
func Run(ctx context.Context, s layout.Sandbox, t Target, note func(format string, args ...any)) error {
	if err := os.MkdirAll(t.folder(s), 0o755); err != nil {
		return err
	}
	command := t.command(ctx, s, Args(s, t)...)
	progress, err := command.StderrPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("build %s: %w", t.Title, err)
	}
	var said bytes.Buffer
	compiled := 0
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, " ") || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&said, line) // not a package: a message
		} else {
			compiled++
		}
		note("%d packages compiled, now %s", compiled, line)
	}
	if err := command.Wait(); err != nil {
		return fmt.Errorf("build %s (go %s): %w\n%s", t.Title, strings.Join(Args(s, t), " "), err, said.String())
	}
	took := command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	note("%d packages compiled, %.1f CPU min", compiled, took.Minutes())
	return t.copyAssets(ctx, s)
}

// Download fetches the modules that a target is built from.
func Download(ctx context.Context, s layout.Sandbox, t Target) error {
	args := append([]string{"list", "-deps", "-tags=" + t.Tags, "-f="}, t.packages()...)
	if said, err := t.command(ctx, s, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("download the modules of %s: %w\n%s", t.Title, err, said)
	}
	return nil
}

// command is a go command in the target's module.
func (t Target) command(ctx context.Context, s layout.Sandbox, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = filepath.Join(s.Repo, t.Module)
	// One setting for all that share packages: with and without cgo, everything above the package net would be compiled
	// twice.
	cgo := "CGO_ENABLED=0"
	if t.Cgo {
		cgo = "CGO_ENABLED=1"
	}
	command.Env = append(os.Environ(), cgo, "GOFLAGS=")
	return command
}

// copyAssets lays the files of a module beside the programs.
func (t Target) copyAssets(ctx context.Context, s layout.Sandbox) error {
	if t.Assets.Module == "" {
		return nil
	}
	folder, err := t.command(ctx, s, "list", "-m", "-f={{.Dir}}", t.Assets.Module).Output()
	if err != nil {
		return fmt.Errorf("find the module %s: %w", t.Assets.Module, err)
	}
	for _, file := range t.Assets.Files {
		content, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(t.folder(s), path.Base(file)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (t Target) folder(s layout.Sandbox) string {
	if t.Folder == "" {
		return s.Shared("bin")
	}
	return s.Shared(t.Folder)
}

// Args is the argument list of the `go` command for a target. Anything that changes how packages compile (-trimpath,
// -gcflags) must be equal for all targets, or what they share is compiled twice.
func Args(s layout.Sandbox, t Target) []string {
	args := []string{"build", "-v", "-buildvcs=false", "-o", t.folder(s) + "/", "-tags=" + t.Tags}
	for _, p := range t.Programs {
		args = append(args, p.flags())
	}
	return append(args, t.packages()...)
}

func (t Target) packages() []string {
	var all []string
	for _, p := range t.Programs {
		all = append(all, p.Package)
	}
	return all
}

// Link makes the names by which programs of kube are called, and what Pulumi finds on its PATH.
func Link(s layout.Sandbox) error {
	for _, name := range kubePrograms {
		link := s.Bin(name)
		if target, err := os.Readlink(link); err == nil && target == "kube" {
			continue
		}
		if err := os.RemoveAll(link); err != nil {
			return err
		}
		if err := os.Symlink("kube", link); err != nil {
			return err
		}
	}
	return nil
}

// Built says whether all files of a target are there, new or old.
func Built(s layout.Sandbox, t Target) bool {
	for _, pkg := range t.packages() {
		if _, err := os.Stat(filepath.Join(t.folder(s), path.Base(pkg))); err != nil {
			return false
		}
	}
	return true
}

// Done says whether all targets are built, new or old.
func Done(s layout.Sandbox, targets []Target) bool {
	for _, t := range targets {
		if !Built(s, t) {
			return false
		}
	}
	return true
}
