package boot

import (
	"fmt"
	"os"
	"sort"

	"golang.org/x/sys/unix"

	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/node"
	"github.com/opex-project/opex/sandbox/internal/storage/volume"
)

// mountSandbox gives a fresh mount namespace its own /proc and /run, and the sandbox's folders at their fixed paths.
func mountSandbox(s layout.Sandbox) error {
	// Nothing that is mounted from here on is seen outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// The sources are held open: the mounts below may cover the paths that lead to them.
	sources := map[string]*os.File{}
	for target, source := range map[string]string{node.StateMount: s.State(), node.BinMount: s.Shared("bin")} {
		f, err := os.Open(source)
		if err != nil {
			return err
		}
		defer f.Close()
		sources[target] = f
	}
	for _, covered := range []string{"/run", "/var/lib"} {
		if err := unix.Mount("tmpfs", covered, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", covered, err)
		}
	}
	for target, source := range sources {
		if err := bind(fmt.Sprintf("/proc/self/fd/%d", source.Fd()), target); err != nil {
			return err
		}
	}
	return nil
}

// mountNode puts a node's folders at their standard paths, and mounts its volumes.
func mountNode(n node.Node) error {
	// A further node's namespace is a copy of node 0's, whose kubelet folder is shared: what is mounted here must stay
	// here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	mounts := n.Mounts()
	targets := make([]string, 0, len(mounts))
	for target := range mounts {
		targets = append(targets, target)
	}
	sort.Strings(targets)
	for _, target := range targets {
		// Copies of node 0's mounts would keep its volumes in use after they are deleted there.
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT {
			return fmt.Errorf("unmount %s: %w", target, err)
		}
		if err := os.MkdirAll(mounts[target], 0o755); err != nil {
			return err
		}
		if err := bind(mounts[target], target); err != nil {
			return err
		}
	}
	// The kubelet passes volumes' mounts on to containers and back.
	if err := unix.Mount("", "/var/lib/kubelet", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share /var/lib/kubelet: %w", err)
	}
	if err := volume.Folder(node.VolumeFolder).MountAll(); err != nil {
		return fmt.Errorf("node %s: %w", n.Name(), err)
	}
	return nil
}

func bind(source, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", source, target, err)
	}
	return nil
}
