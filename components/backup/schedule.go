package backup

import (
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
)

// The types below are the fields of a Velero Schedule (velero.io/v1) that are set here.

type scheduleSpec struct {
	Schedule string         `json:"schedule"`
	Template backupTemplate `json:"template"`
}

type backupTemplate struct {
	Metadata                 templateMetadata `json:"metadata"` // of each Backup
	IncludedNamespaces       []string         `json:"includedNamespaces"`
	LabelSelector            labelSelector    `json:"labelSelector"`
	TTL                      string           `json:"ttl"`
	StorageLocation          string           `json:"storageLocation"`
	SnapshotVolumes          bool             `json:"snapshotVolumes"`
	DefaultVolumesToFsBackup bool             `json:"defaultVolumesToFsBackup"`
	Hooks                    *backupHooks     `json:"hooks,omitempty"`
}

type templateMetadata struct {
	Labels map[string]string `json:"labels"`
}

type labelSelector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

type backupHooks struct {
	Resources []resourceHooks `json:"resources"`
}

type resourceHooks struct {
	Name               string        `json:"name"`
	IncludedNamespaces []string      `json:"includedNamespaces"`
	LabelSelector      labelSelector `json:"labelSelector"`
	Pre                []execHook    `json:"pre"`
	Post               []execHook    `json:"post"`
}

type execHook struct {
	Exec execAction `json:"exec"`
}

type execAction struct {
	Container string   `json:"container"`
	Command   []string `json:"command"`
	OnError   string   `json:"onError"`
	Timeout   string   `json:"timeout"`
}

// scheduleOf is the spec of a service's Schedule. Nothing is excluded: where pods are, no hook runs and the backup is
// called complete.
func scheduleOf(s spec.Service, namespace string, labels platform.Labels) scheduleSpec {
	template := backupTemplate{
		Metadata:           templateMetadata{labels.Object(platform.ComponentAPI)},
		IncludedNamespaces: []string{namespace},
		LabelSelector:      labelSelector{backupSelector(s)},
		TTL:                s.Backup.TTL.Value().String(),
		StorageLocation:    storageLocationName,
		// The dump volume only, by the pod's annotation: PGDATA cannot be copied while it is written.
		SnapshotVolumes: false, DefaultVolumesToFsBackup: false,
	}
	if dump := dumpContract(s); dump != nil {
		template.Hooks = &backupHooks{Resources: []resourceHooks{{
			Name:               "dump",
			IncludedNamespaces: []string{namespace},
			LabelSelector:      labelSelector{labels.Identity(platform.ComponentDatabase)},
			Pre:                execOf(dump.Pre),
			Post:               execOf(dump.Post),
		}}}
	}
	return scheduleSpec{Schedule: s.Backup.Schedule, Template: template}
}

func execOf(h *contract.Hook) []execHook {
	return []execHook{
		{execAction{Container: DatabaseContainer, Command: h.Command, OnError: "Fail", Timeout: h.Timeout}},
	}
}
