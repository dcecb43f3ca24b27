package backup

import (
	"embed"
	"fmt"
	"strconv"
	"time"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
)

// hookFiles are the programs that run in the database's container around backups and restores.
//
//go:embed hooks
var hookFiles embed.FS

// Names in the database's pod that hooks, backups and the pod itself agree on.
const (
	DatabaseContainer = "postgres"
	DataVolume        = "data"
	DumpVolume        = "dumps"
	DumpPath          = "/dumps"
	HookPath          = "/opex/hooks"
)

const (
	hookVolume = "hooks"

	settleTimeout = time.Minute
	// hookPatience is the margin that Velero's hook timeout has over the hook's own: the hook says why it ended, Velero
	// would not.
	hookPatience = 15 * time.Second
	// volumeTimeout is what a restored pod may take until its container runs: its volumes are filled first.
	volumeTimeout = 30 * time.Minute
)

func hook(name string, limit time.Duration) []string {
	return []string{HookPath + "/" + name, strconv.Itoa(int(limit.Seconds()))}
}

// HookFiles is the content of the ConfigMap that holds the hooks.
func HookFiles() pulumi.StringMap {
	data := pulumi.StringMap{}
	for _, name := range hookNames {
		text, err := hookFiles.ReadFile("hooks/" + name)
		if err != nil {
			panic(err) // it is compiled in
		}
		data[name] = pulumi.String(string(text))
	}
	return data
}

var hookNames = []string{"connect.sh", "dump.sh", "load.sh", "ready.sh", "settle.sh", "tables.sql"}

// HookVolume and HookMount bring the hooks into the database's container. A change of them reaches it without a
// restart.
func HookVolume(s spec.Service) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{Name: pulumi.String(hookVolume), ConfigMap: &corev1.ConfigMapVolumeSourceArgs{
		Name: pulumi.String(s.HooksName()), DefaultMode: pulumi.Int(0o555),
	}}
}

// HookMount is where the container has the hooks.
func HookMount() *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{
		Name:      pulumi.String(hookVolume),
		MountPath: pulumi.String(HookPath),
		ReadOnly:  pulumi.Bool(true),
	}
}

// PodAnnotations tell Velero what to do with the database's pod: copy the dump volume, and after a restore load it
// (https://velero.io/docs/v1.18/file-system-backup and .../restore-hooks).
func PodAnnotations(s spec.Service) map[string]string {
	load := hook("load.sh", s.Backup.LoadTimeout())
	return map[string]string{
		"backup.velero.io/backup-volumes":          DumpVolume,
		"post.hook.restore.velero.io/container":    DatabaseContainer,
		"post.hook.restore.velero.io/command":      fmt.Sprintf("[%q, %q]", load[0], load[1]),
		"post.hook.restore.velero.io/exec-timeout": (s.Backup.LoadTimeout() + hookPatience).String(),
		"post.hook.restore.velero.io/wait-timeout": volumeTimeout.String(),
		"post.hook.restore.velero.io/on-error":     "Fail",
	}
}

// dumpContract tells which hooks there are, and where they leave the dump. The Schedule and the outputs both have it
// from here.
func dumpContract(s spec.Service) *contract.Dump {
	if s.Database == nil {
		return nil
	}
	run := func(name string, limit time.Duration) *contract.Hook {
		return &contract.Hook{Command: hook(name, limit), Timeout: (limit + hookPatience).String()}
	}
	return &contract.Dump{
		Pre: run("dump.sh", s.Backup.DumpTimeout()), Post: run("settle.sh", settleTimeout),
		File: DumpPath + "/current/dump", Manifest: DumpPath + "/current/manifest.json", Load: hook("load.sh", s.Backup.LoadTimeout()),
	}
}
