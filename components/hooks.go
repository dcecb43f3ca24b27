package components

import (
	"embed"
	"fmt"
	"strconv"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/internal/contract"
)

// hookFiles are the programs that run in the database's container around backups and restores.
//
//go:embed hooks
var hookFiles embed.FS

const (
	hookVolume = "hooks"
	hookPath   = "/opex/hooks"

	settleTimeout = time.Minute
	// hookPatience is what Velero waits longer than a hook lets itself run: the hook says why it ended, Velero would not.
	hookPatience = 15 * time.Second
	// volumeTimeout is what a restored pod may take until its container runs: its volumes are filled first.
	volumeTimeout = 30 * time.Minute
)

func hook(name string, limit time.Duration) []string {
	return []string{hookPath + "/" + name, strconv.Itoa(int(limit.Seconds()))}
}

// hookData is the content of the ConfigMap that holds the hooks.
func hookData() (pulumi.StringMap, error) {
	files, err := hookFiles.ReadDir("hooks")
	if err != nil {
		return nil, err
	}
	data := pulumi.StringMap{}
	for _, file := range files {
		text, err := hookFiles.ReadFile("hooks/" + file.Name())
		if err != nil {
			return nil, err
		}
		data[file.Name()] = pulumi.String(string(text))
	}
	return data, nil
}

func (s ServiceSpec) hooksName() string { return s.databaseName() + "-hooks" }

// hookMount brings the hooks into the database's container. A change of them reaches it without a restart.
func hookMount(s ServiceSpec) (corev1.Volume, corev1.VolumeMount) {
	return corev1.Volume{Name: hookVolume, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: s.hooksName()}, DefaultMode: new(int32(0o555)),
	}}}, corev1.VolumeMount{Name: hookVolume, MountPath: hookPath, ReadOnly: true}
}

// backupAnnotations tell Velero what to do with the database's pod: copy the dump volume, and after a restore load it
// (https://velero.io/docs/v1.18/file-system-backup and .../restore-hooks).
func backupAnnotations(s ServiceSpec) map[string]string {
	load := hook("load.sh", s.Backup.loadTimeout())
	return map[string]string{
		"backup.velero.io/backup-volumes":          dumpVolume,
		"post.hook.restore.velero.io/container":    databaseContainer,
		"post.hook.restore.velero.io/command":      fmt.Sprintf("[%q, %q]", load[0], load[1]),
		"post.hook.restore.velero.io/exec-timeout": (s.Backup.loadTimeout() + hookPatience).String(),
		"post.hook.restore.velero.io/wait-timeout": volumeTimeout.String(),
		"post.hook.restore.velero.io/on-error":     "Fail",
	}
}

// dumpContract tells which hooks there are, and where they leave the dump. The Schedule and the outputs both have it from here.
func (s ServiceSpec) dumpContract() *contract.Dump {
	if s.Database == nil {
		return nil
	}
	run := func(name string, limit time.Duration) *contract.Hook {
		return &contract.Hook{Command: hook(name, limit), Timeout: (limit + hookPatience).String()}
	}
	return &contract.Dump{
		Pre: run("dump.sh", s.Backup.dumpTimeout()), Post: run("settle.sh", settleTimeout),
		File: dumpPath + "/current/dump", Manifest: dumpPath + "/current/manifest.json", Load: hook("load.sh", s.Backup.loadTimeout()),
	}
}
