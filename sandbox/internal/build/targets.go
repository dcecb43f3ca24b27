package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Target is one `go build` of a module: what it builds shares the compiled packages, and links side by side.
type Target struct {
	// Title says to a person what is built.
	Title string
	// Module is the folder of the Go module, from the repository's root.
	Module string
	// Folder is where the files go, in the sandboxes' state folder; empty means bin, which is on the PATH.
	Folder string
	// Programs are the commands to build.
	Programs []Program
	// Tags are build tags. Only programs that read them differ by them.
	Tags string
	// Cgo says that it cannot be built without cgo.
	Cgo bool
	// Assets are files of a module that are copied beside the programs.
	Assets Assets
	// Minutes is about how long it takes with an empty cache on two cores.
	Minutes float64
}

// Program is a command to build.
type Program struct {
	// Package is its import path; the file has the last element as name.
	Package string
	// Variables are string variables that the linker sets, by import path and name.
	Variables map[string]string
	// LinkFlags are further flags of the linker.
	LinkFlags string
}

// Assets are files of a Go module, by their paths in it.
type Assets struct {
	Module string
	Files  []string
}

// Versions that programs say of themselves; a test holds each to the go.mod that it is built from.
const (
	kubernetesVersion = "v1.37.2"
	pulumiVersion     = "v3.250.0"
	veleroVersion     = "v1.18.3"
	openCostVersion   = "v1.108.0"
	// prometheusRelease is the release of Prometheus that go.mod writes as v0.313.0.
	prometheusRelease = "3.13.0"
	// providerVersion is that of the Kubernetes SDK in the program's go.mod: the engine asks for the plugin of this
	// version.
	providerVersion = "v4.30.0"
)

// PluginFolder holds the resource plugins. On the PATH, Pulumi would warn about each at every command.
const PluginFolder = "plugins"

const (
	own      = "github.com/opex-project/opex/"
	k8s      = "k8s.io/component-base/version."
	velero   = "github.com/vmware-tanzu/velero"
	plugin   = "github.com/vmware-tanzu/velero-plugin-for-aws"
	chaos    = "github.com/chaos-mesh/chaos-mesh/cmd/"
	runtimes = "github.com/containerd/containerd/v2/cmd/"

	versitygw = "github.com/versity/versitygw/cmd/versitygw"
)

// Targets returns everything that is built, in this order: while one compiles, the modules of the next are downloaded.
func Targets() []Target {
	major, minor, _ := strings.Cut(strings.TrimPrefix(kubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	return []Target{
		{Title: "containerd", Module: "sandbox/containerd", Tags: "no_btrfs,no_devmapper,no_zfs", Minutes: 3,
			Programs: programs(runtimes+"containerd", runtimes+"containerd-shim-runc-v2", runtimes+"ctr")},
		{Title: "Kubernetes, etcd, Pulumi, Velero, Prometheus and the S3 server", Module: "sandbox", Minutes: 28,
			Tags: "remove_all_sd,enable_kubernetes_sd", // of Prometheus: no service discovery of clouds
			Programs: append([]Program{
				{Package: own + "sandbox/cmd/kube", Variables: map[string]string{
					k8s + "gitVersion": kubernetesVersion, k8s + "gitMajor": major, k8s + "gitMinor": minor}},
				{Package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", Variables: map[string]string{
					"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": pulumiVersion}},
				{Package: velero + "/cmd/velero", Variables: map[string]string{
					velero + "/pkg/buildinfo.Version": veleroVersion}},
				{Package: "github.com/prometheus/prometheus/cmd/prometheus", Variables: map[string]string{
					"github.com/prometheus/common/version.Version": prometheusRelease}},
			}, programs(
				"github.com/prometheus/prometheus/cmd/promtool", velero+"/cmd/velero-helper",
				velero+"/cmd/velero-restore-helper", plugin+"/velero-plugin-for-aws", plugin+"/hack/cp-plugin",
				"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender",
				"sigs.k8s.io/metrics-server/cmd/metrics-server", versitygw,
				own+"sandbox/cmd/coredns", own+"sandbox/cmd/pause", own+"sandbox/cmd/pulumi-language-go",
			)...)},
		{
			Title:   "OpenCost and Chaos Mesh's controller",
			Module:  "sandbox/kube-1.33",
			Minutes: 7,
			Programs: append(programs(
				own+"sandbox/kube-1.33/cmd/chaos-controller-manager"),
				Program{Package: "github.com/opencost/opencost/cmd/costmodel", Variables: map[string]string{
					"github.com/opencost/opencost/pkg/version.Version": openCostVersion}}),
		},
		{Title: "Pulumi's Kubernetes provider", Module: "sandbox/kube-1.33", Folder: PluginFolder, Minutes: 2,
			Programs: []Program{
				{Package: own + "sandbox/kube-1.33/cmd/pulumi-resource-kubernetes", Variables: map[string]string{
					"main.version": strings.TrimPrefix(providerVersion, "v")}},
			},
			Assets: Assets{Module: "github.com/pulumi/pulumi-kubernetes/provider/v4", Files: []string{
				"cmd/pulumi-resource-kubernetes/schema.json", "cmd/pulumi-resource-kubernetes/terraform-mapping.json"}}},
		{Title: "Pulumi's AWS stand-in", Module: "sandbox", Folder: PluginFolder, Minutes: 0.5,
			Programs: programs(own + "sandbox/cmd/pulumi-resource-aws")},
		// The daemon traces processes, in C; linked statically, it needs nothing in its image.
		{Title: "Chaos Mesh's daemon", Module: "sandbox/kube-1.33", Minutes: 3, Cgo: true, Tags: "netgo,osusergo",
			Programs: []Program{{Package: chaos + "chaos-daemon", LinkFlags: "-linkmode=external -extldflags=-static"},
				{Package: chaos + "chaos-daemon-helper", LinkFlags: "-linkmode=external -extldflags=-static"}}},
		command, taskAPI,
	}
}

var (
	command = Target{Title: "the command opex and its load generator", Module: "cmd/opex", Minutes: 0.5,
		Programs: programs(own+"cmd/opex", own+"cmd/opex/opex-load")}
	taskAPI = Target{Title: "Task API", Module: "taskapi", Minutes: 0.5, Programs: programs(own + "taskapi")}
)

// Own returns the targets of this repository's images: all that a cluster that exists already needs.
func Own() []Target {
	store := Target{Title: "the S3 server", Module: "sandbox", Minutes: 1.5, Programs: programs(versitygw)}
	return []Target{store, command, taskAPI}
}

// programs are commands that are told nothing.
func programs(packages ...string) []Program {
	all := make([]Program, 0, len(packages))
	for _, p := range packages {
		all = append(all, Program{Package: p})
	}
	return all
}

// flags are the linker's flags of a program, for this program alone: symbol tables are left out.
func (p Program) flags() string {
	flags := p.Package + "=-s -w"
	for _, name := range slices.Sorted(maps.Keys(p.Variables)) {
		flags += fmt.Sprintf(" -X %s=%s", name, p.Variables[name])
	}
	if p.LinkFlags != "" {
		flags += " " + p.LinkFlags
	}
	return "-ldflags=" + flags
}
