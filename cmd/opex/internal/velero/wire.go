package velero

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/internal/review"
)

// validatedEvery is how often Velero looks at a storage location that does not say (its flag
// --store-validation-frequency).
const validatedEvery = time.Minute

// What follows holds the fields that are read, as the API server sends them.

type wireSchedule struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Schedule string       `json:"schedule"`
		Paused   bool         `json:"paused"`
		Template wireTemplate `json:"template"`
	} `json:"spec"`
	Status struct {
		Phase            string      `json:"phase"`
		LastBackup       metav1.Time `json:"lastBackup"`
		LastSkipped      metav1.Time `json:"lastSkipped"`
		ValidationErrors []string    `json:"validationErrors"`
	} `json:"status"`
}

func (raw wireSchedule) schedule() Schedule {
	t := raw.Spec.Template
	return Schedule{
		Name: raw.Metadata.Name, Phase: raw.Status.Phase, Cron: raw.Spec.Schedule, Paused: raw.Spec.Paused,
		Created: raw.Metadata.CreationTimestamp.Time, LastBackup: raw.Status.LastBackup.Time, LastSkipped: raw.Status.LastSkipped.Time,
		ValidationErrors: raw.Status.ValidationErrors,
		Labels:           raw.Metadata.Labels,
		Template:         t.raw, TTL: t.TTL.Duration, Namespaces: t.IncludedNamespaces, ExcludedNamespaces: t.ExcludedNamespaces,
		PodsLeftOut:     review.PodsLeftOut(t.raw),
		StorageLocation: t.StorageLocation, Hooks: t.hooks(), selectors: t.selectors(),
	}
}

// wireStatus is what Backups and Restores have in common.
type wireStatus struct {
	Phase               string      `json:"phase"`
	StartTimestamp      metav1.Time `json:"startTimestamp"`
	CompletionTimestamp metav1.Time `json:"completionTimestamp"`
	Errors              int         `json:"errors"`
	Warnings            int         `json:"warnings"`
	FailureReason       string      `json:"failureReason"`
	ValidationErrors    []string    `json:"validationErrors"`
	HookStatus          struct {
		HooksAttempted int `json:"hooksAttempted"`
		HooksFailed    int `json:"hooksFailed"`
	} `json:"hookStatus"`
}

type wireBackup struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     wireBackupSpec    `json:"spec"`
	Status   struct {
		wireStatus `json:",inline"`
		Expiration metav1.Time `json:"expiration"`
		Progress   struct {
			TotalItems    int `json:"totalItems"`
			ItemsBackedUp int `json:"itemsBackedUp"`
		} `json:"progress"`
	} `json:"status"`
}

func (raw wireBackup) backup() Backup {
	m, s := raw.Metadata, raw.Status
	return Backup{
		Name: m.Name, UID: string(m.UID), Phase: s.Phase, Labels: m.Labels,
		Created: m.CreationTimestamp.Time, Started: s.StartTimestamp.Time, Completed: s.CompletionTimestamp.Time, Expiration: s.Expiration.Time,
		TTL: raw.Spec.TTL.Duration, HooksAttempted: s.HookStatus.HooksAttempted, HooksFailed: s.HookStatus.HooksFailed,
		Errors: s.Errors, Warnings: s.Warnings, ItemsBackedUp: s.Progress.ItemsBackedUp, ItemsTotal: s.Progress.TotalItems,
		FailureReason: s.FailureReason, ValidationErrors: s.ValidationErrors,
		Namespaces: raw.Spec.IncludedNamespaces, StorageLocation: raw.Spec.StorageLocation, ScheduleName: m.Labels[LabelSchedule],
		Deleting: m.DeletionTimestamp != nil || s.Phase == PhaseDeleting,
	}
}

type wirePodVolume struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Pod struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"pod"`
		Volume     string `json:"volume"`
		SnapshotID string `json:"snapshotID"` // of a PodVolumeRestore
	} `json:"spec"`
	Status struct {
		Phase               string      `json:"phase"`
		Message             string      `json:"message"`
		SnapshotID          string      `json:"snapshotID"` // of a PodVolumeBackup
		StartTimestamp      metav1.Time `json:"startTimestamp"`
		CompletionTimestamp metav1.Time `json:"completionTimestamp"`
		Progress            struct {
			BytesDone  int64 `json:"bytesDone"`
			TotalBytes int64 `json:"totalBytes"`
		} `json:"progress"`
	} `json:"status"`
}

func (raw wirePodVolume) podVolume() PodVolume {
	s := raw.Status
	return PodVolume{
		Name: raw.Metadata.Name, Pod: raw.Spec.Pod.Name, PodNamespace: raw.Spec.Pod.Namespace, Volume: raw.Spec.Volume,
		// each kind has one of the two
		Phase: s.Phase, Message: s.Message, SnapshotID: raw.Spec.SnapshotID + s.SnapshotID,
		Started: s.StartTimestamp.Time, Completed: s.CompletionTimestamp.Time, BytesDone: s.Progress.BytesDone, TotalBytes: s.Progress.TotalBytes,
	}
}

type wireRestore struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		BackupName       string            `json:"backupName"`
		NamespaceMapping map[string]string `json:"namespaceMapping"`
	} `json:"spec"`
	Status struct {
		wireStatus `json:",inline"`
		Progress   struct {
			TotalItems    int `json:"totalItems"`
			ItemsRestored int `json:"itemsRestored"`
		} `json:"progress"`
	} `json:"status"`
}

func (raw wireRestore) restore() Restore {
	m, s := raw.Metadata, raw.Status
	return Restore{
		Name: m.Name, UID: string(m.UID), Phase: s.Phase, Backup: raw.Spec.BackupName, Labels: m.Labels,
		Created: m.CreationTimestamp.Time, Started: s.StartTimestamp.Time, Completed: s.CompletionTimestamp.Time,
		HooksAttempted: s.HookStatus.HooksAttempted, HooksFailed: s.HookStatus.HooksFailed, Errors: s.Errors, Warnings: s.Warnings,
		ItemsRestored: s.Progress.ItemsRestored, ItemsTotal: s.Progress.TotalItems,
		FailureReason: s.FailureReason, ValidationErrors: s.ValidationErrors,
		NamespaceMapping: raw.Spec.NamespaceMapping, Deleting: m.DeletionTimestamp != nil,
	}
}

type wireLocation struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		AccessMode          string           `json:"accessMode"`
		ValidationFrequency *metav1.Duration `json:"validationFrequency"`
		ObjectStorage       struct {
			Bucket string `json:"bucket"`
			Prefix string `json:"prefix"`
		} `json:"objectStorage"`
	} `json:"spec"`
	Status struct {
		Phase              string      `json:"phase"`
		Message            string      `json:"message"`
		LastSyncedTime     metav1.Time `json:"lastSyncedTime"`
		LastValidationTime metav1.Time `json:"lastValidationTime"`
	} `json:"status"`
}

func (raw wireLocation) location() StorageLocation {
	location := StorageLocation{
		Name: raw.Metadata.Name, Phase: raw.Status.Phase, Message: raw.Status.Message, AccessMode: raw.Spec.AccessMode,
		Bucket: raw.Spec.ObjectStorage.Bucket, Prefix: raw.Spec.ObjectStorage.Prefix,
		LastSynced: raw.Status.LastSyncedTime.Time, LastValidated: raw.Status.LastValidationTime.Time, ValidationFrequency: validatedEvery,
	}
	if raw.Spec.ValidationFrequency != nil {
		location.ValidationFrequency = raw.Spec.ValidationFrequency.Duration
	}
	if location.AccessMode == "" {
		location.AccessMode = "ReadWrite" // Velero's default
	}
	return location
}
