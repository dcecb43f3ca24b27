package boot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/node"
	"github.com/opex-project/opex/sandbox/internal/storage/volume"
)

// The test program runs itself as the first process of a sandbox, and from there as that of a further node. These
// variables tell the step and the repository's folder.
const (
	stepEnv = "BOOT_TEST_STEP"
	repoEnv = "BOOT_TEST_REPO"
)

var steps = map[string]func(layout.Sandbox) error{
	"first boot":  firstBoot,
	"second node": secondNode,
	"second boot": secondBoot,
}

func TestMain(m *testing.M) {
	step, inside := steps[os.Getenv(stepEnv)]
	if !inside {
		os.Exit(m.Run())
	}
	s, err := layout.New(os.Getenv(repoEnv), "staging", "", 2)
	if err == nil {
		err = step(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// inNamespaces runs a step in namespaces of its own, as Start and startFurther do.
func inNamespaces(step, repo string, flags uintptr) error {
	command := exec.Command("/proc/self/exe")
	command.Env = append(os.Environ(), stepEnv+"="+step, repoEnv+"="+repo)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", step, err, said)
	}
	return nil
}

const (
	volumes = volume.Folder(node.VolumeFolder)
	podPath = "/var/lib/kubelet/pods/1/volumes/v0" // where the kubelet would bind a volume for a pod
)

func firstBoot(s layout.Sandbox) error {
	if err := mountSandbox(s); err != nil {
		return err
	}
	if err := mountNode(node.Node{Sandbox: s}); err != nil {
		return err
	}
	for _, name := range []string{"v0", "kept"} {
		if err := volumes.Make(name, volume.MinBytes); err != nil {
			return err
		}
	}
	if err := bind(volumes.Path("v0"), podPath); err != nil {
		return err
	}
	if err := inNamespaces("second node", s.Repo, syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := expectMounted(volumes.Path("v0"), podPath, volumes.Path("kept")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(volumes.Path("kept"), "row"), []byte("kept"), 0o600)
}

// secondNode starts with a copy of node 0's mounts. It must not keep one: the volume would stay in use after node 0
// deletes it.
func secondNode(s layout.Sandbox) error {
	if err := mountNode(node.Node{Sandbox: s, Index: 1}); err != nil {
		return err
	}
	if err := volumes.Make("v1", volume.MinBytes); err != nil {
		return err
	}
	return expectMounted(volumes.Path("v1"))
}

func secondBoot(s layout.Sandbox) error {
	if err := mountSandbox(s); err != nil {
		return err
	}
	if err := mountNode(node.Node{Sandbox: s}); err != nil {
		return err
	}
	if err := expectMounted(volumes.Path("v0"), volumes.Path("kept")); err != nil {
		return err
	}
	if row, err := os.ReadFile(filepath.Join(volumes.Path("kept"), "row")); err != nil || string(row) != "kept" {
		return fmt.Errorf("the volume holds %q: %v", row, err)
	}
	return nil
}

// expectMounted compares the volumes that are mounted in this namespace.
func expectMounted(want ...string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for _, path := range want {
		left[path] = true
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		ours := strings.HasPrefix(fields[1], node.VolumeFolder+"/") || strings.HasPrefix(fields[1], "/var/lib/kubelet/")
		if ours && !left[fields[1]] {
			return fmt.Errorf("%s is mounted here and must not be", fields[1])
		}
		delete(left, fields[1])
	}
	if len(left) > 0 {
		return fmt.Errorf("not mounted: %v", left)
	}
	return nil
}

func TestVolumesAreSeenOnTheirNodeOnlyAndComeBackAtTheNextBoot(t *testing.T) {
	repo := t.TempDir()
	s, err := layout.New(repo, "staging", "", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{s.State(), s.Shared("bin")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []string{"first boot", "second boot"} {
		if err := inNamespaces(step, repo, syscall.CLONE_NEWNS|syscall.CLONE_NEWPID); err != nil {
			t.Fatal(err)
		}
		mounts, err := os.ReadFile("/proc/self/mounts")
		if err != nil || strings.Contains(string(mounts), repo) {
			t.Errorf("the host has mounts after the %s: %v\n%s", step, err, mounts)
		}
	}
	images, err := filepath.Glob(s.State("node-*", "volumes", "*.img"))
	if err != nil || len(images) != 3 {
		t.Errorf("images: %v, %v", images, err)
	}
	for _, image := range images {
		if out, err := exec.Command("losetup", "--associated", image).Output(); err != nil || len(out) > 0 {
			t.Errorf("loop devices left: %s, %v", out, err)
		}
	}
}
