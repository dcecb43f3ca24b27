package velero

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Phases that the command tells apart. Those of Backups, Restores and volumes share names.
const (
	PhaseEnabled          = "Enabled" // of a Schedule
	PhaseCompleted        = "Completed"
	PhasePartiallyFailed  = "PartiallyFailed"
	PhaseFailed           = "Failed"
	PhaseFailedValidation = "FailedValidation"
	PhaseCanceled         = "Canceled"  // of a volume
	PhaseDeleting         = "Deleting"  // of a Backup that is going
	PhaseAvailable        = "Available" // of a StorageLocation
)

// Done says that a Backup, a Restore or a volume with this phase has ended, well or not.
func Done(phase string) bool {
	switch phase {
	case PhaseCompleted, PhasePartiallyFailed, PhaseFailed, PhaseFailedValidation, PhaseCanceled:
		return true
	}
	return false
}

// Schedule makes Backups.
type Schedule struct {
	Name, Phase, Cron string
	Paused            bool
	Created           time.Time
	LastBackup        time.Time // when it last asked for a Backup; zero: never
	LastSkipped       time.Time // when it was last due and let be; zero: never
	ValidationErrors  []string
	Labels            map[string]string
	// Template is the spec of each Backup, a BackupSpec as the API server sends it. What follows is read from it.
	Template                       map[string]any
	TTL                            time.Duration // 0: Velero's default
	Namespaces, ExcludedNamespaces []string      // that are in it; no namespace or * is all
	// PodsLeftOut is the field by which its Backups hold no pods; empty where they do. No hook runs for a pod that is
	// not in the Backup, and the Backup is Completed all the same.
	PodsLeftOut     string
	StorageLocation string // empty: Velero's default
	Hooks           []Hook
	selectors       []metav1.LabelSelector // one of them must match; none matches all
}

// Selects says whether an object with these labels is in the Schedule's Backups.
func (s Schedule) Selects(of map[string]string) bool {
	if of[LabelExclude] == "true" {
		return false
	}
	for _, selector := range s.selectors {
		if matches(selector, of) {
			return true
		}
	}
	return len(s.selectors) == 0
}

// Hook is a command that runs in a container before or after its pod is backed up.
type Hook struct {
	Name, Container string
	Command         []string
	Timeout         time.Duration // 0: Velero's default, 30 s
	OnError         string        // Fail or Continue; empty is Fail
	Pre             bool          // false: after
	Namespaces      []string      // of its pods; none is all
	selector        *metav1.LabelSelector
}

// Selects says whether the hook runs for a pod with these labels.
func (h Hook) Selects(of map[string]string) bool {
	return h.selector == nil || matches(*h.selector, of)
}

// matches takes a selector that cannot be read as one that selects nothing.
func matches(selector metav1.LabelSelector, of map[string]string) bool {
	read, err := metav1.LabelSelectorAsSelector(&selector)
	return err == nil && read.Matches(labels.Set(of))
}

// Backup is one backup. A time that is zero has not come yet.
type Backup struct {
	Name, UID, Phase            string
	Labels                      map[string]string
	Created, Started, Completed time.Time
	Expiration                  time.Time // when Velero deletes it
	TTL                         time.Duration
	HooksAttempted, HooksFailed int // each pre hook and each post hook of each pod is one
	Errors, Warnings            int
	ItemsBackedUp, ItemsTotal   int
	FailureReason               string
	ValidationErrors            []string
	Namespaces                  []string
	StorageLocation             string
	ScheduleName                string // of LabelSchedule; empty for one that no Schedule is behind
	Deleting                    bool
}

// When is when the Backup started or, before that, when it was asked for.
func (b Backup) When() time.Time {
	if b.Started.IsZero() {
		return b.Created
	}
	return b.Started
}

// PodVolume is a volume of a pod that is copied to the bucket (PodVolumeBackup) or filled from there
// (PodVolumeRestore).
type PodVolume struct {
	Name, Pod, PodNamespace, Volume string
	Phase, Message                  string
	SnapshotID                      string    // of the copy
	Started, Completed              time.Time // zero: not yet
	BytesDone, TotalBytes           int64
}

// Restore is one restore. A time that is zero has not come yet.
type Restore struct {
	Name, UID, Phase            string
	Backup                      string // that it restores
	Labels                      map[string]string
	Created, Started, Completed time.Time
	HooksAttempted, HooksFailed int
	Errors, Warnings            int
	ItemsRestored, ItemsTotal   int
	FailureReason               string
	ValidationErrors            []string
	NamespaceMapping            map[string]string // from, to
	Deleting                    bool
}

// StorageLocation is where Velero keeps Backups.
type StorageLocation struct {
	Name, Phase, Message      string
	AccessMode                string // ReadWrite or ReadOnly
	Bucket, Prefix            string
	LastSynced, LastValidated time.Time // zero: never
	// 0: not validated, the phase then means nothing; Velero's default where it is not set
	ValidationFrequency time.Duration
}
