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

// Target is one `go build`.
type Target struct {
	// Title says to a person what is built.
	Title string
	// Module is the folder of the Go module, from the repository's root.
	Module string
	// Folder is where the files go, in the sandboxes' state folder; empty means bin, which is on the PATH.
	Folder string
	// Packages are the commands to build; each file has its package's last element as name.
	Packages []string
	// Flags are further flags of `go build`.
	Flags []string
	// Cgo says that it cannot be built without.
	Cgo bool
	// Minutes is about how long it takes with an empty cache on two cores.
	Minutes float64
}

// kubernetesVersion is the version of k8s.io/kubernetes in sandbox/go.mod; a test holds them together.
const kubernetesVersion = "v1.37.2"

// pulumiVersion is the version of github.com/pulumi/pulumi/pkg/v3 in sandbox/go.mod; a test holds them together.
const pulumiVersion = "v3.250.0"

// veleroVersion is the version of github.com/vmware-tanzu/velero in sandbox/go.mod; a test holds them together.
const veleroVersion = "v1.18.3"

// openCostVersion is the version of github.com/opencost/opencost in sandbox/opencost/go.mod; a test holds them together.
const openCostVersion = "v1.108.0"

// prometheusRelease is the release of Prometheus that sandbox/go.mod requires, there written v0.313.0; a test holds them together.
const prometheusRelease = "3.13.0"

// strip leaves out symbol tables. Anything that changes how packages compile (-trimpath, -gcflags) must be equal for all
// targets, or what they share is compiled twice.
const strip = "-s -w"

// PluginFolder holds the resource plugins. On the PATH, Pulumi would warn about each at every command.
const PluginFolder = "plugins"

// Targets returns everything that is built, longest first.
func Targets() []Target {
	major, minor, _ := strings.Cut(strings.TrimPrefix(kubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	version := "-X k8s.io/component-base/version."
	return []Target{
		{Title: "Kubernetes and etcd", Module: "sandbox", Packages: []string{"./cmd/kube"}, Minutes: 9, Flags: []string{
			fmt.Sprintf("-ldflags=%s %sgitVersion=%s %sgitMajor=%s %sgitMinor=%s", strip, version, kubernetesVersion, version, major, version, minor)}},
		{Title: "the Pulumi CLI", Module: "sandbox", Packages: []string{"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"}, Minutes: 5, Flags: []string{
			fmt.Sprintf("-ldflags=%s -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=%s", strip, pulumiVersion)}},
		{Title: "Pulumi's language host", Module: "sandbox", Minutes: 0.5, Flags: []string{"-ldflags=" + strip},
			Packages: []string{"./cmd/pulumi-language-go"}},
		{Title: "VPA's recommender and metrics-server", Module: "sandbox", Minutes: 0.5, Flags: []string{"-ldflags=" + strip}, Packages: []string{
			"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender", "sigs.k8s.io/metrics-server/cmd/metrics-server"}},
		{Title: "Velero and its plugin for AWS", Module: "sandbox", Minutes: 2, Packages: []string{
			"github.com/vmware-tanzu/velero/cmd/velero", "github.com/vmware-tanzu/velero/cmd/velero-helper",
			"github.com/vmware-tanzu/velero/cmd/velero-restore-helper",
			"github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws", "github.com/vmware-tanzu/velero-plugin-for-aws/hack/cp-plugin",
		}, Flags: []string{
			fmt.Sprintf("-ldflags=%s -X github.com/vmware-tanzu/velero/pkg/buildinfo.Version=%s", strip, veleroVersion)}},
		{Title: "OpenCost", Module: "sandbox/opencost", Minutes: 4, Packages: []string{"github.com/opencost/opencost/cmd/costmodel"}, Flags: []string{
			fmt.Sprintf("-ldflags=%s -X github.com/opencost/opencost/pkg/version.Version=%s", strip, openCostVersion)}},
		// Its daemon traces processes, in C; linked statically, it needs nothing in its image. Nearly all that it is made of is its own
		// versions, so the second setting costs little.
		{Title: "Chaos Mesh", Module: "sandbox/chaosmesh", Minutes: 4, Cgo: true, Flags: []string{
			"-tags=netgo,osusergo", "-ldflags=" + strip + " -linkmode=external -extldflags=-static"}, Packages: []string{
			"github.com/chaos-mesh/chaos-mesh/cmd/chaos-controller-manager",
			"github.com/chaos-mesh/chaos-mesh/cmd/chaos-daemon", "github.com/chaos-mesh/chaos-mesh/cmd/chaos-daemon-helper",
		}},
		{Title: "Prometheus and promtool", Module: "sandbox", Minutes: 1, Packages: []string{
			"github.com/prometheus/prometheus/cmd/prometheus", "github.com/prometheus/prometheus/cmd/promtool"}, Flags: []string{
			"-tags=remove_all_sd,enable_kubernetes_sd", // no service discovery of clouds
			fmt.Sprintf("-ldflags=%s -X github.com/prometheus/common/version.Version=%s", strip, prometheusRelease)}},
		{Title: "Pulumi's resource plugins", Module: "sandbox", Minutes: 2, Flags: []string{"-ldflags=" + strip}, Folder: PluginFolder,
			Packages: []string{"./cmd/pulumi-resource-kubernetes", "./cmd/pulumi-resource-aws"}},
		{Title: "containerd", Module: "sandbox/containerd", Minutes: 2,
			Flags: []string{"-tags=no_btrfs,no_devmapper,no_zfs", "-ldflags=" + strip}, Packages: []string{
				"github.com/containerd/containerd/v2/cmd/containerd",
				"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
				"github.com/containerd/containerd/v2/cmd/ctr"}},
		{Title: "the S3 server, CoreDNS, pause", Module: "sandbox", Minutes: 1.5, Flags: []string{"-ldflags=" + strip},
			Packages: []string{"github.com/versity/versitygw/cmd/versitygw", "./cmd/coredns", "./cmd/pause"}},
		{Title: "the command opex and its load generator", Module: "cmd/opex", Minutes: 0.5, Flags: []string{"-ldflags=" + strip},
			Packages: []string{"github.com/opex-project/opex/cmd/opex", "github.com/opex-project/opex/cmd/opex/opex-load"}},
		{Title: "Task API", Module: "taskapi", Minutes: 0.5, Flags: []string{"-ldflags=" + strip}, Packages: []string{"github.com/opex-project/opex/taskapi"}},
	}
}

// kubePrograms are the names by which the multi-call program kube is called from a shell.
var kubePrograms = []string{"kubectl"}

// Run builds a target into the sandboxes' bin folder. note is told what the compiler is at.
func Run(ctx context.Context, s layout.Sandbox, t Target, note func(format string, args ...any)) error {
	if err := os.MkdirAll(t.folder(s), 0o755); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "go", Args(s, t)...)
	command.Dir = filepath.Join(s.Repo, t.Module)
	// One setting for all that share packages: with and without cgo, everything above the package net would be compiled twice.
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if t.Cgo {
		command.Env = append(command.Env, "CGO_ENABLED=1")
	}
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
	note("%d packages compiled", compiled)
	return nil
}

func (t Target) folder(s layout.Sandbox) string {
	if t.Folder == "" {
		return s.Shared("bin")
	}
	return s.Shared(t.Folder)
}

// Args is the argument list of the `go` command for a target.
func Args(s layout.Sandbox, t Target) []string {
	args := append([]string{"build", "-v", "-buildvcs=false", "-o", t.folder(s) + "/"}, t.Flags...)
	return append(args, t.Packages...)
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
	for _, pkg := range t.Packages {
		if _, err := os.Stat(filepath.Join(t.folder(s), path.Base(pkg))); err != nil {
			return false
		}
	}
	return true
}

// Done says whether everything is built, new or old.
func Done(s layout.Sandbox) bool {
	for _, t := range Targets() {
		if !Built(s, t) {
			return false
		}
	}
	return true
}
